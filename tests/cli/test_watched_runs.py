"""`vae-exporter explain` and `status` about the runs of a real Prometheus, on a terminal and in a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from children import child, finished

from vae_exporter.judge.explanation import explain_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from watched_runs import WatchedRuns

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]
WIDTH = 80


def in_a_pipe(*arguments: str) -> str:
    done = finished([*COMMAND, *arguments])
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_a_terminal(*arguments: str) -> str:
    """Return what the command prints on a terminal of 80 columns, without its colors."""
    ours, terminal = os.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm"}
    with child([*COMMAND, *arguments], stdout=terminal, stderr=subprocess.STDOUT, env=environment):
        os.close(terminal)
        with os.fdopen(ours, "rb") as screen:
            shown = b""
            try:
                while read := screen.read1():
                    shown += read
            except OSError:  # EIO: the command has closed its end
                pass
    return re.sub(r"\x1b\[[\d;]*m", "", shown.decode())


@pytest.mark.parametrize("shown_by", [in_a_pipe, on_a_terminal])
def test_explain_shows_each_sentence_and_number(watched: WatchedRuns, shown_by: Callable[..., str]) -> None:
    shown = " ".join(shown_by("explain", "--prometheus", watched.url, "--run", "bad_run").split())
    _, parts = explain_run(watched.url, "bad_run")
    for part in parts:
        assert part.meaning in shown
        for name in part.numbers:
            words = name.rpartition(":")[2].replace("_", " ")
            assert re.search(rf"{words} (unknown|-?[\d.]+(e[-+]\d+)?)[ ,]", f"{shown} ")


def test_a_terminal_has_no_longer_line_than_its_width(watched: WatchedRuns) -> None:
    lines = on_a_terminal("explain", "--prometheus", watched.url, "--run", "bad_run").splitlines()
    assert lines
    assert max(map(len, lines)) <= WIDTH


def test_a_pipe_has_no_trailing_spaces_and_wraps_no_line(watched: WatchedRuns) -> None:
    lines = in_a_pipe("explain", "--prometheus", watched.url, "--run", "bad_run").splitlines()
    assert not any(line.endswith(" ") for line in lines)
    assert max(map(len, lines)) > WIDTH


def test_status_shows_each_run_and_alert_in_full(watched: WatchedRuns) -> None:
    words = on_a_terminal("status", "--prometheus", watched.url).replace(",", " ").split()
    assert {"bad_run", "full_run", "good_run", "running", "VaeLossNonfinite"} <= set(words)
