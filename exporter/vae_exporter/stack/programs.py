"""Locate the servers and their tools.

The folder in the environment variable ``VAE_EXPORTER_SERVERS`` comes first, then `.servers/bin`, which `make servers`
fills, then PATH.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from vae_exporter.errors import StackError
from vae_exporter.stack.files import repository_root

# Debian renames Alertmanager's program, but not the others.
_DEBIAN_NAMES = {"alertmanager": "prometheus-alertmanager"}


def find_program(name: str, repository: Path | None = None) -> Path:
    """Return the path of *name*: prometheus, promtool, alertmanager or amtool.

    *repository* is the clone whose ``.servers/bin`` is searched first. It defaults to the clone of this package.

    Raises:
        StackError: The program is neither there nor on PATH. The message says how to get it.
    """
    if chosen := os.environ.get("VAE_EXPORTER_SERVERS"):
        if os.access(program := Path(chosen, name), os.X_OK):
            return program
        raise StackError(f"VAE_EXPORTER_SERVERS is {chosen!r}, and that folder has no program {name}")
    repository = repository or repository_root()
    if repository is not None and os.access(fetched := repository / ".servers" / "bin" / name, os.X_OK):
        return fetched
    for candidate in (name, _DEBIAN_NAMES.get(name)):
        if candidate and (found := shutil.which(candidate)):
            return Path(found)
    raise StackError(
        f"{name} is neither in .servers/bin of the repository nor on PATH; run `make servers` in the repository (and "
        "add its .servers/bin to PATH if vae-exporter is installed elsewhere), download it from "
        "https://prometheus.io/download/, or use `docker compose up`, which includes it"
    )
