"""Processes that a test starts. None outlives its test, and every wait has a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DEADLINE_SECONDS = 60.0


@contextmanager
def child(
    command: Sequence[str | Path],
    *,
    seconds: float = DEADLINE_SECONDS,
    **options: Any,  # noqa: ANN401 - of Popen
) -> Iterator[subprocess.Popen[str]]:
    """Run *command*, and kill it with its children at the end of the block or after *seconds*.

    A read from it then returns the end of its output.
    """
    with subprocess.Popen(command, text=True, start_new_session=True, **options) as process:
        watchdog = threading.Timer(seconds, _kill, [process])
        watchdog.daemon = True
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            _kill(process)


def finished(
    command: Sequence[str | Path],
    *,
    seconds: float = DEADLINE_SECONDS,
    **options: Any,  # noqa: ANN401 - of subprocess.run
) -> subprocess.CompletedProcess[str]:
    """Run *command*, and return its exit status and output. It is an error if it takes longer than *seconds*."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds, **options)


def line_of(process: subprocess.Popen[str]) -> str:
    """Return the next line that *process* prints. It is empty if the process has ended."""
    assert process.stdout is not None
    return process.stdout.readline()


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
