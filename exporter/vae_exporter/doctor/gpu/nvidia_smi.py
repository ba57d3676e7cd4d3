"""Runs nvidia-smi, and reads its answers as text.

https://docs.nvidia.com/deploy/nvidia-smi/index.html
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from vae_exporter.errors import DoctorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SECONDS = 60.0

_FORMAT = "--format=csv,noheader,nounits"

_ABSENT = re.compile(r"\[?(n/a|not supported|not available|insufficient permissions|unknown error)\]?", re.IGNORECASE)


def known_fields(kind: str) -> set[str]:
    """Return the names that this nvidia-smi accepts for ``--query-KIND``, such as *kind* ``"gpu"``."""
    return set(re.findall(r'"([\w.]+)"', _run(f"--help-query-{kind}")))


def query(kind: str, fields: Sequence[str]) -> list[dict[str, str | None]]:
    """Return the values of ``--query-KIND=fields``, one dictionary for each line. None means not available."""
    lines = _run(f"--query-{kind}={','.join(fields)}", _FORMAT).splitlines()
    return [dict(zip(fields, map(_text, row), strict=True)) for row in csv.reader(lines, skipinitialspace=True) if row]


def devices() -> tuple[list[str], list[str]]:
    """Return the UUIDs of the GPUs, and those of the MIG slices."""
    found: list[str] = re.findall(r"\(UUID: ([\w-]+)\)", _run("-L"))
    return ([uuid for uuid in found if uuid.startswith("GPU-")], [uuid for uuid in found if uuid.startswith("MIG-")])


def first_known(names: Iterable[str], known: set[str]) -> str | None:
    """Return the first of *names* that is in *known*. Newer drivers rename some fields."""
    return next((name for name in names if name in known), None)


def _text(cell: str) -> str | None:
    return None if _ABSENT.fullmatch(cell.strip()) else cell.strip()


def _run(*arguments: str) -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        raise DoctorError("nvidia-smi is not on PATH; in a container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility")
    done = subprocess.run(  # noqa: S603 - NVIDIA's program
        [program, *arguments], capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        raise DoctorError(f"nvidia-smi {' '.join(arguments)} failed: {(done.stdout + done.stderr).strip()}")
    return done.stdout
