"""What `vae-exporter watch` shows on a terminal, and what it prints elsewhere."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from children import child
from deadline import wait_until

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

STEPS = 150


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def watching(folder: Path, *, on_terminal: bool) -> Iterator[Callable[[], str]]:
    """Run the command, and yield a function that returns what it has printed so far."""
    ports = [f"--{name}-port={free_port()}" for name in ("prometheus", "alertmanager", "pager")]
    command = [sys.executable, "-m", "vae_exporter.cli", "watch", f"--data={folder}", *ports]
    printed: list[bytes] = []
    ours, its = os.openpty() if on_terminal else os.pipe()

    def read() -> None:
        with suppress(OSError):  # the end of a terminal
            while data := os.read(ours, 65536):
                printed.append(data)

    with ExitStack() as stack:
        stack.callback(os.close, ours)
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "50"}
        stack.enter_context(child(command, seconds=120, env=environment, stdout=its, stderr=its))
        os.close(its)
        threading.Thread(target=read, daemon=True).start()
        yield lambda: CONTROL.sub("", b"".join(printed).decode()).replace("\r", "\n")


@pytest.fixture
def run() -> Iterator[str]:
    """The name of a healthy run on one of the ports that the shipped configuration scrapes."""
    name = f"watched-{os.getpid()}"
    with TrainingExporter(name, linger_seconds=0, gpus=False) as exporter:
        for step in range(STEPS):
            exporter.observe(step, nll=0.15)
        yield name


def test_a_terminal_shows_a_row_for_each_run(run: str, tmp_path: Path) -> None:
    row = re.compile(rf"^{run} +running +{STEPS - 1} +0\.15 +excellent +healthy +\d+ (s|min) ago$", re.MULTILINE)
    with watching(tmp_path, on_terminal=True) as printed:
        wait_until(lambda: f"run {run} found" in printed(), "the run is found", seconds=60)
        wait_until(lambda: bool(row.search(re.sub(" +$", "", printed(), flags=re.MULTILINE))), "its row", seconds=60)


def test_elsewhere_each_run_is_a_line(run: str, tmp_path: Path) -> None:
    with watching(tmp_path, on_terminal=False) as printed:
        wait_until(lambda: f"run {run} found\n" in printed(), "the run is found", seconds=60)
        assert "verdict" not in printed()
        assert "no run yet" not in printed()
