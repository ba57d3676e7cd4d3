#!/usr/bin/env bash
# Write what constraints.txt pins, with the hashes of the files on PyPI: requirements.lock for CI, and
# requirements-cli.lock for the command line and the image of the pager.
# torch, and the packages that only its build for CUDA needs, are left out: CI takes its build for the CPU, which another
# index has under the same version and with other hashes.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
extras=()
for extra in cli demo kubernetes release test; do extras+=(--extra "$extra"); done
torch=()
for package in torch triton cuda-bindings cuda-pathfinder cuda-toolkit; do torch+=(--no-emit-package "$package"); done
for package in $(.venv/bin/uv pip compile -q pyproject.toml --extra demo --constraints constraints.txt --universal \
  --python-version 3.10 --no-header --no-annotate | sed -n 's/^\(nvidia-[a-z0-9-]*\)==.*/\1/p'); do
  [[ $package == nvidia-ml-py ]] || torch+=(--no-emit-package "$package")
done
compile() {
  .venv/bin/uv pip compile -q --constraints constraints.txt --universal --python-version 3.10 --generate-hashes \
    --no-annotate --custom-compile-command 'make lock' "$@"
}
compile pyproject.toml "${extras[@]}" "${torch[@]}" -o requirements.lock
# The package is built with what is locked, not in isolation.
printf '%s\n' editables hatchling hatch-fancy-pypi-readme |
  compile pyproject.toml - --extra cli -o requirements-cli.lock
