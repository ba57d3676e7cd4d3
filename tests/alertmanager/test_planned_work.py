"""The commands of docs/paging.md that silence a run and a node, with a real Prometheus and Alertmanager."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alerting import alert, alertmanager
from children import finished

from vae_exporter.stack.client import Alertmanager
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watched_runs import WatchedRuns

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"```sh\n(amtool silence add.*?)```", (ROOT / "docs" / "paging.md").read_text(), re.DOTALL)
PATH = ":".join([*(str(find_program(name).parent) for name in ("amtool", "promtool")), os.environ["PATH"]])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    """An Alertmanager with an alert of each watched run, of a run elsewhere and of no run."""
    with alertmanager({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}, tmp_path) as running:
        runs = ("good_run", "bad_run", "full_run", "elsewhere")
        running.send(*(alert("VaeExporterDown", run, "page") for run in runs), alert("Watchdog", None, "none"))
        yield Alertmanager(running.url)


def silenced(server: Alertmanager) -> set[str]:
    """Return the runs whose alerts are silenced."""
    return {found["labels"].get("run", "") for found in server.alerts() if found["status"]["silencedBy"]}


def shell(command: str, server: Alertmanager, prometheus: str, names: dict[str, str]) -> int:
    """Run a documented *command* with these servers and *names*, and return its exit status."""
    for documented, real in {**names, "http://127.0.0.1:9093": server.url, "http://127.0.0.1:9090": prometheus}.items():
        assert documented in command or documented.startswith("http")
        command = command.replace(documented, real)
    return finished(["bash", "-euo", "pipefail", "-c", command], env=os.environ | {"PATH": PATH}).returncode


def test_a_silence_of_a_run(server: Alertmanager) -> None:
    by_run, _ = COMMANDS
    assert shell(by_run, server, "", {"bs4-kl1e-4": "bad_run"}) == 0
    assert silenced(server) == {"bad_run"}


def test_a_silence_of_a_node_silences_the_runs_that_have_a_rank_there(
    server: Alertmanager, watched: WatchedRuns
) -> None:
    _, by_node = COMMANDS
    assert shell(by_node, server, watched.url, {"node7": socket.gethostname()}) == 0
    assert silenced(server) == {"good_run", "bad_run", "full_run"}


def test_a_silence_of_a_node_without_runs_is_refused(server: Alertmanager, watched: WatchedRuns) -> None:
    _, by_node = COMMANDS
    assert shell(by_node, server, watched.url, {"node7": "nowhere"}) != 0
    assert silenced(server) == set()
