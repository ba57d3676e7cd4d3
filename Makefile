# Each target installs what it needs. Works with GNU make 3.81, the version on macOS.

SHELL := bash
PYTHON ?= python3
# The versions to install. constraints-oldest.txt pins the oldest that pyproject.toml allows.
CONSTRAINTS ?= constraints.txt
# The same versions with the hashes of their files, which pip checks. Other constraints have none.
HAS_LOCK := $(filter constraints.txt,$(CONSTRAINTS))
INSTALLED := .venv/.installed
# The same for what needs only the command line.
INSTALLED_CLI := .venv/.installed-cli
# The same with the trainers and launchers of the tests.
TRAINERS := .venv/.installed-trainers
FOUND := $(firstword $(wildcard $(INSTALLED) $(INSTALLED_CLI)))
# What .venv was created for: this folder, and the constraints file if it is not the default.
MADE_FOR := $(CURDIR)$(addprefix :,$(filter-out constraints.txt,$(CONSTRAINTS)))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The programs in .venv contain its absolute path. So recreate it if the folder was moved, its Python is gone, or it was
# created for other versions. If .venv is a symbolic link, remove it first: --clear would empty the folder it points to.
ifneq ($(shell test -x .venv/bin/python && cat $(FOUND) </dev/null),$(MADE_FOR))
.PHONY: $(INSTALLED) $(INSTALLED_CLI)
MAKE_VENV := { test ! -L .venv || rm .venv; } && $(PYTHON) -m venv --clear .venv
endif

.PHONY: help
help: ## List the targets.
	@echo "make TARGET [ARGS='--option value']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: servers $(INSTALLED) ## Train a small video VAE, make it diverge, and show the page arrive. Needs no GPU.
	@exec .venv/bin/vae-exporter demo $(ARGS)

.PHONY: watch
watch: servers $(or $(FOUND),$(INSTALLED_CLI)) ## Run Prometheus, Alertmanager and the pager for the trainings on this machine.
	@exec .venv/bin/vae-exporter watch $(ARGS)

.PHONY: test
test: servers $(INSTALLED) ## Run the tests, four files at a time, because they mostly wait for servers.
	.venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: test-integrations
test-integrations: $(TRAINERS) ## Test the adapters with the real trainers, which it installs into .venv.
	.venv/bin/python -m pytest tests/integrations $(ARGS)

# Debian's releases with the versions that docker-compose.yml uses: Alertmanager 0.28 and Prometheus 3.5.
ENGINES ?= trixie forky

.PHONY: test-engines
test-engines: $(INSTALLED) ## Test the rules and the chain to the pager with newer servers, and with VictoriaMetrics.
	for release in $(ENGINES); do \
	  scripts/get_servers.sh $$release && VAE_EXPORTER_SERVERS=$(CURDIR)/.servers/$$release/bin \
	  .venv/bin/python -m pytest -n 3 --dist loadfile tests/alertmanager tests/e2e tests/engines tests/rules tests/stack $(ARGS) || exit; \
	done

.PHONY: test-compose
test-compose: $(INSTALLED) ## Test docker-compose.yml in a separate Docker daemon with stand-in images. Needs root.
	.venv/bin/python -m pytest -m compose tests/compose $(ARGS)

.PHONY: test-kubernetes
test-kubernetes: servers $(INSTALLED) .kubernetes/installed ## Test deploy/kubernetes with its tools, and the rules in small groups. Needs Go.
	@.venv/bin/python -m pip install -q --no-build-isolation -c $(CONSTRAINTS) -e '.[kubernetes]'
	.venv/bin/python -m pytest -m 'variants or not variants' tests/kubernetes tests/rules/test_variants.py $(ARGS)

.kubernetes/installed: scripts/get_kubernetes_tools.sh | $(INSTALLED)
	@scripts/get_kubernetes_tools.sh
	@touch $@

.PHONY: test-otlp
test-otlp: servers $(INSTALLED) .otlp/installed ## Test that pushed runs page as scraped ones do, with a Prometheus that receives OTLP. Needs Go.
	VAE_EXPORTER_SERVERS=$(CURDIR)/.otlp/bin .venv/bin/python -m pytest tests/otlp $(ARGS)

.otlp/installed: scripts/get_otlp_prometheus.sh
	@scripts/get_otlp_prometheus.sh
	@touch $@

.PHONY: test-launchers
test-launchers: $(TRAINERS) ## Test under Lightning, torchrun, DeepSpeed, gevent and in a Jupyter kernel, which it installs into .venv.
	.venv/bin/python -m pytest tests/launchers $(ARGS)

.PHONY: look
look: servers $(INSTALLED) ## Photograph every dashboard in the Grafana at ARGS="--grafana FOLDER" or URL, and check it.
	@.venv/bin/python -m pip install -q --no-build-isolation -c $(CONSTRAINTS) -e '.[look]'
	.venv/bin/python -m pytest --timeout 1800 tests/look $(ARGS)

.PHONY: lint
lint: servers $(INSTALLED) ## Check the code, the rules and the configuration files.
	.venv/bin/python -m pytest -q tests/test_lock_file.py
	.venv/bin/python -m ruff check
	.venv/bin/python -m ruff format --check
	.venv/bin/python -m mypy
	for hook in end-of-file-fixer trailing-whitespace check-yaml; do \
	  .venv/bin/python -m pre_commit run --all-files $$hook || exit; done
	@PYTHONPATH=grafana:prometheus .venv/bin/lint-imports --no-cache --no-logo
	.servers/bin/promtool check rules --lint=all --lint-fatal prometheus/rules/*.yml
	.servers/bin/promtool check config prometheus/prometheus.yml
	.servers/bin/promtool test rules tests/rules/*.yml
	.servers/bin/amtool check-config alertmanager/*.yml
	.venv/bin/amlint check --strict --rules 'prometheus/rules/*.yml' --ignore plaintext-secret alertmanager/alertmanager.yml
	.venv/bin/amlint check --strict --rules 'prometheus/rules/*.yml' alertmanager/alertmanager.pagerduty-slack.yml
	.venv/bin/amlint check --strict --rules 'prometheus/rules/*.yml' --ignore empty-receiver alertmanager/alertmanager.kubernetes.yml
	.venv/bin/zizmor --offline --quiet --min-severity medium --strict-collection .github
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

.PHONY: docs
docs: $(INSTALLED) ## Build the documentation site into .site. A dead link is an error.
	.venv/bin/python -m mkdocs build --strict

.PHONY: hooks
hooks: servers $(INSTALLED) ## Install the quick checks as a git pre-commit hook.
	.venv/bin/python -m pre_commit install

.PHONY: rules
rules: dashboards ## Generate the rules, their tables in the docs, Alertmanager's configurations and the dashboards.
	@PYTHONPATH=prometheus .venv/bin/python -m vae_rules $(ARGS)

.PHONY: dashboards
dashboards: $(INSTALLED) ## Generate the Grafana dashboards.
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "grafana-foundation-sdk needs Python 3.11 or newer. Remove .venv, and run make PYTHON=python3.12 $@" >&2; exit 1; }
	@PYTHONPATH=grafana:prometheus .venv/bin/python -m vae_dashboards grafana/dashboards $(ARGS)

.PHONY: format
format: $(INSTALLED) ## Format the code, and fix what ruff can.
	.venv/bin/python -m ruff check --fix
	.venv/bin/python -m ruff format

.PHONY: simulate
simulate: servers $(INSTALLED) ## Judge simulated trainings, healthy and damaged, and print the error rates.
	@PYTHONPATH=tests/support .venv/bin/python -m simulations $(ARGS)

BENCH ?= bench/*.py

.PHONY: bench
bench: servers $(INSTALLED) .bench/installed ## Run the benchmarks, or the one of BENCH=bench/observe.py. Installs other loggers into .bench.
	@for script in $(BENCH); do echo "$$script"; .bench/bin/python "$$script" $(ARGS) || exit; done

# It sees the packages of .venv and adds the other loggers, whose dependencies must not change what the tests use.
.bench/installed: pyproject.toml constraints-bench.txt | $(INSTALLED)
	@.venv/bin/python -m venv --clear .bench
	@site='import site; print(site.getsitepackages()[0])'; \
	  .venv/bin/python -c "$$site" >"$$(.bench/bin/python -c "$$site")/venv.pth"
	@.bench/bin/python -m pip install -q --no-build-isolation -c constraints-bench.txt -e '.[bench]'
	@touch $@

.PHONY: lock
lock: $(INSTALLED) ## Write requirements*.lock, with the hashes of the versions in constraints.txt.
	@.venv/bin/python -m pip install -q --no-build-isolation -c $(CONSTRAINTS) -e '.[release]'
	scripts/lock.sh

.PHONY: sbom
sbom: dist ## Write .sbom/vae-exporter.cdx.json: what the command line and its dependencies consist of, in CycloneDX.
	$(PYTHON) -m venv --clear .sbom/venv
	.sbom/venv/bin/python -m pip install -q -c $(CONSTRAINTS) "$$(echo dist/*.whl)[cli]"
	.venv/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --spec-version 1.6 \
	  --output-file .sbom/vae-exporter.cdx.json .sbom/venv/bin/python
	rm -rf .sbom/venv

.PHONY: dist
dist: $(INSTALLED) ## Build the sdist and the wheel into dist, and check that they can be published.
	@.venv/bin/python -m pip install -q --no-build-isolation -c $(CONSTRAINTS) -e '.[release]'
	rm -rf dist
	.venv/bin/python -m build --no-isolation
	.venv/bin/python -m twine check --strict dist/*
	$(PYTHON) -m venv dist/venv
	dist/venv/bin/python -m pip install -q --require-hashes -r requirements-cli.lock
	dist/venv/bin/python -m pip install -q -c $(CONSTRAINTS) "$$(echo dist/*.whl)[cli]"
	cd / && $(CURDIR)/dist/venv/bin/vae-exporter --version
	rm -rf dist/venv

.PHONY: servers
servers: ## Install Prometheus and Alertmanager into .servers/bin.
	@scripts/get_servers.sh

.PHONY: venv
venv: $(INSTALLED) ## Install the packages into .venv.

# One environment for all targets: compared with torch, which the demo needs, the test dependencies are small. Until
# another target is made, `make watch` installs neither.
$(INSTALLED): EXTRAS := cli,demo,test
$(INSTALLED): HINT := The first time takes minutes, because torch is large.
# The hashes in requirements-demo.lock are those of PyPI's build of torch.
$(INSTALLED): LOCKS := requirements.lock $(if $(PIP_EXTRA_INDEX_URL),,requirements-demo.lock)
$(INSTALLED_CLI): EXTRAS := cli
$(INSTALLED_CLI): LOCKS := requirements-cli.lock
$(INSTALLED) $(INSTALLED_CLI): pyproject.toml $(CONSTRAINTS) $(if $(HAS_LOCK),requirements.lock requirements-cli.lock requirements-demo.lock)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) must be Python 3.10 or newer. Choose another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the packages into .venv. $(HINT)"
	@$(MAKE_VENV)
	@set -o pipefail; { \
	  $(if $(HAS_LOCK),.venv/bin/python -m pip install --require-hashes $(addprefix -r ,$(LOCKS)) &&) \
	  .venv/bin/python -m pip install $(if $(HAS_LOCK),--no-build-isolation) -c $(CONSTRAINTS) -e '.[$(EXTRAS)]'; \
	  } | tee .venv/install.log | sed -n 's/^ *\(Downloading [^-]*-[^-]*\)-.*\( ([0-9.]* [MG]B)\)$$/  \1\2/p' \
	  || { echo "pip failed. Its output is in .venv/install.log" >&2; exit 1; }
	@echo "$(MADE_FOR)" >$@

$(TRAINERS): requirements-trainers.lock $(INSTALLED)
	@.venv/bin/python -m pip install -q --no-build-isolation --require-hashes -r $<
	@touch $@

.PHONY: clean
clean: ## Remove everything that these targets created, except the runs in vae-exporter-data.
	rm -rf .venv .bench .sbom .servers .kubernetes .otlp .site .look dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
