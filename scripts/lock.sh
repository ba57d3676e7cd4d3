#!/usr/bin/env bash
# Write the versions in constraints.txt with the hashes of their files on PyPI:
#   requirements.lock           what the targets of CI need, without torch
#   requirements-demo.lock      what the demo and its image need, with torch. The index of PyTorch has another build of the
#                               same version, with other hashes, so these are not in requirements.lock.
#   requirements-cli.lock       what the command line and the image of the pager need
#   requirements-trainers.lock  what the real trainers and launchers of the tests need besides. Only this file pins their
#                               versions: to update them, delete it first.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
compile() {
  .venv/bin/uv pip compile -q --constraints constraints.txt --universal --python-version 3.10 --generate-hashes \
    --no-annotate --custom-compile-command 'make lock' "$@"
}
compile pyproject.toml --extra demo -o requirements-demo.lock

without() {
  sed -E 's/^([A-Za-z0-9-]+)==.*/--no-emit-package \1/; t; d' | sort -u
}
torch=$(grep -E '^(torch|triton|cuda-|nvidia-)' requirements-demo.lock | grep -v '^nvidia-ml-py' | without)
extras=()
for extra in cli demo kubernetes release test; do extras+=(--extra "$extra"); done
# shellcheck disable=SC2086 # options
compile pyproject.toml "${extras[@]}" $torch -o requirements.lock
# shellcheck disable=SC2046,SC2086 # options
compile pyproject.toml --extra integrations --extra launchers $torch $(without <requirements.lock) \
  -o requirements-trainers.lock
# The package is built with what is locked, not in isolation.
printf '%s\n' editables hatchling hatch-fancy-pypi-readme |
  compile pyproject.toml - --extra cli -o requirements-cli.lock
