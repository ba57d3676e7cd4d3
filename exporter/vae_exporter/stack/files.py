"""Find the files of the monitoring stack: Prometheus's rules and Alertmanager's configuration."""

from __future__ import annotations

from pathlib import Path

from vae_exporter.errors import StackError

_PARTS = ("prometheus", "alertmanager")


def stack_folder() -> Path:
    """Return the folder that holds ``prometheus/`` and ``alertmanager/``: the wheel's own, else the repository.

    Raises:
        StackError: neither is there, which means that the package was installed without its data.
    """
    installed = Path(__file__).parent / "data"
    candidates = [installed, *filter(None, [repository_root()])]
    for folder in candidates:
        if all((folder / part).is_dir() for part in _PARTS):
            return folder
    raise StackError(
        f"the folders {' and '.join(_PARTS)} are in none of {', '.join(map(str, candidates))}; "
        "install vae-exporter from its wheel, or run it from a clone of its repository"
    )


def repository_root() -> Path | None:
    """Return the clone of the repository that this file is in, or None if it was installed from a wheel."""
    for folder in Path(__file__).resolve().parents:
        # The package's own path: another project's pyproject.toml may stand above a virtual environment.
        if (folder / "pyproject.toml").is_file() and (folder / "exporter" / "vae_exporter").is_dir():
            return folder
    return None
