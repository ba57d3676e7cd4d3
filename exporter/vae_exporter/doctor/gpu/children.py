"""Runs a part of a check in a new process, which has its own CUDA context and its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from vae_exporter.errors import DoctorError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 180.0


def answer_of(module: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run *module* with *environment* instead of CUDA_VISIBLE_DEVICES, and return the JSON object that it prints.

    Raises:
        DoctorError: If the process fails.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", module],
        env={**inherited, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise DoctorError(f"{module} ended with exit code {done.returncode}: {last_line}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
