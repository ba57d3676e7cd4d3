"""Find the servers and their tools: those that `make servers` fetched, else those installed on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from vae_exporter.errors import StackError
from vae_exporter.stack.files import repository_root

# Debian's package gives Alertmanager its own name, and leaves the other programs theirs.
_DEBIAN_NAMES = {"alertmanager": "prometheus-alertmanager"}


def find_program(name: str, repository: Path | None = None) -> Path:
    """Return the path of *name*: one of prometheus, promtool, alertmanager, amtool.

    *repository* is the clone to look in, this package's own where it is not given.

    Raises:
        StackError: it is neither in ``.servers/bin`` of the repository nor on PATH. The message says how to get it.
    """
    repository = repository or repository_root()
    if repository is not None and os.access(fetched := repository / ".servers" / "bin" / name, os.X_OK):
        return fetched
    for candidate in (name, _DEBIAN_NAMES.get(name)):
        if candidate and (found := shutil.which(candidate)):
            return Path(found)
    raise StackError(
        f"the program {name} is neither in .servers/bin of the repository nor on PATH; run `make servers` there, and "
        "put its .servers/bin on PATH if this is installed elsewhere, install it from https://prometheus.io/download/, "
        "or run `docker compose up`, which brings its own"
    )
