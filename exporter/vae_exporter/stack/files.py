"""Locate the files of the monitoring stack: Prometheus's rules and Alertmanager's configuration."""

from __future__ import annotations

from pathlib import Path

from vae_exporter.errors import StackError

_PARTS = ("prometheus", "alertmanager")


def stack_folder() -> Path:
    """Return the folder that contains ``prometheus/`` and ``alertmanager/``: in the wheel, or else in the clone.

    Raises:
        StackError: Neither has them, so the package was installed without its data files.
    """
    installed = Path(__file__).parent / "data"
    candidates = [installed, *filter(None, [repository_root()])]
    for folder in candidates:
        if all((folder / part).is_dir() for part in _PARTS):
            return folder
    raise StackError(
        f"no folder with {' and '.join(_PARTS)} found, looked in {', '.join(map(str, candidates))}; "
        "install vae-exporter from its wheel, or run it from a clone of the repository"
    )


def repository_root() -> Path | None:
    """Return the root of the clone that contains this file, or None if the package was installed from a wheel."""
    for folder in Path(__file__).resolve().parents:
        # pyproject.toml alone is not enough: another project may have its virtual environment around this file.
        if (folder / "pyproject.toml").is_file() and (folder / "exporter" / "vae_exporter").is_dir():
            return folder
    return None
