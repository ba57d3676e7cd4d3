"""The objects that kustomize builds from deploy/kubernetes, with the programs that `make test-kubernetes` installs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from children import finished

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".kubernetes"

_DEPLOY = ROOT / "deploy" / "kubernetes"

FOLDERS = sorted(str(file.parent.relative_to(_DEPLOY)) for file in _DEPLOY.rglob("kustomization.yaml"))
"""Each folder of deploy/kubernetes that a user can apply: the base, the overlays and the examples."""


def built(folder: str) -> list[dict[str, Any]]:
    """Return what `kubectl apply -k` would apply for *folder* of deploy/kubernetes."""
    done = finished([TOOLS / "bin" / "kustomize", "build", _DEPLOY / folder])
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))
