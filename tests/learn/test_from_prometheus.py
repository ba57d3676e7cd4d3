"""Learn from runs that a real Prometheus has watched, and explain how it judges them."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from children import finished
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter._record.baseline import read_baseline
from vae_exporter.judge.explanation import explain_run
from vae_exporter.learn.from_prometheus import read_good_run
from vae_exporter.learn.good_run import LearnError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.run_history import RunError
from vae_exporter.stack.servers import Intervals, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]
DEADLINE_SECONDS = 200


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a Prometheus that watches a run at 1.6, one that is judged by other weights, and a new one."""
    with ExitStack() as stack:
        runs = {
            name: stack.enter_context(
                TrainingExporter(name, port=0, gpus=False, linger_seconds=0, loss_weights=weights, rank=0)
            )
            for name, weights in {"sum": None, "weighted": {"rec": 1, "perception": 1}, "new": None}.items()
        }
        for step in range(400):
            runs["sum"].observe(step, nll=1.6)
            runs["weighted"].observe(step, nll=0.16, rec=0.03, perception=0.13)
        runs["new"].observe(0, nll=1.6)
        targets = [str(exporter.url).removeprefix("http://") for exporter in runs.values()]
        intervals = Intervals(scrape="500ms", evaluation="500ms")
        folder = tmp_path_factory.mktemp("prometheus")
        server = prometheus(folder, targets=targets, alertmanager_url="http://127.0.0.1:1", intervals=intervals)
        address = stack.enter_context(server)
        judged = "count(run:vae_nll:held) == 2 and count(run:vae_nll_diverged:bool) == 3"
        wait_until(lambda: bool(Prometheus(address).query(judged)), "the runs are judged", seconds=DEADLINE_SECONDS)
        yield address


def test_the_edges_have_the_scale_of_the_run(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("learned") / "bands.json"
    command = [*COMMAND, "learn", "--prometheus", url, "--run", "sum", "-o", str(file)]
    done = finished(command, seconds=DEADLINE_SECONDS)
    assert done.returncode == 0, done.stderr
    content = json.loads(file.read_text())
    assert content["level"] == 1.6
    assert content["band_edges"]["nll"]["bad"] == 3.2
    assert content["derived"].startswith(f"Run sum ({url}) held the level 1.6. Each edge is 10.67 times the default")


def test_a_run_is_stored_for_later_ones_to_compare_with(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("stored") / "base.json"
    command = [*COMMAND, "baseline", "--prometheus", url, "--run", "sum", "-o", str(file)]
    done = finished(command, seconds=DEADLINE_SECONDS)
    assert done.returncode == 0, done.stderr
    before = read_baseline(file)
    place = before.course.at(399, None)
    assert place
    assert [place.mean, place.level, before.end_growth] == pytest.approx([1.6, 1.6, 1.0])
    assert before.course.at(250, None) is None  # its one scrape covers the steps of one long window


def test_a_run_that_is_not_judged_by_its_own_nll_is_refused(url: str) -> None:
    with pytest.raises(LearnError, match=r"run weighted is judged by 10 \* rec \+ 1 \* perception, .*from the log"):
        read_good_run(url, "weighted")


def test_a_run_without_a_level_has_none(url: str) -> None:
    assert read_good_run(url, "new").held is None


def test_an_unknown_run_is_named(url: str) -> None:
    with pytest.raises(RunError, match=r"no run 'summ'; the runs are 'new', 'sum', 'weighted'"):
        read_good_run(url, "summ")


def test_the_parts_of_the_page_are_those_that_prometheus_has_recorded(url: str) -> None:
    name, parts = explain_run(url, "sum")
    assert name == "sum"
    holds = {part.name.rpartition(":")[2]: part.holds for part in parts}
    assert not holds["bool"]
    assert not holds["is_bad"] or not holds["has_multiplied"]
    numbers = {number: value for part in parts for number, value in part.numbers.items()}
    assert numbers["run:vae_nll:held"] == 1.6
    assert numbers["run:vae_nll:edge_bad"] == 0.3
    assert numbers["run:vae_nll:mean_5_before"] is None


def test_the_command_explains_a_run(url: str) -> None:
    done = finished([*COMMAND, "explain", "--prometheus", url, "--run", "sum"], seconds=DEADLINE_SECONDS)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Run sum"
    assert lines[1].strip() == "false  diverged: VaeNllDiverged fires"
    assert "false  has_multiplied: the NLL is at least 1.5 times its level" in done.stdout
    assert "lower bound 1.6, level 1.6" in done.stdout


def test_the_command_names_an_unknown_run(url: str) -> None:
    done = finished([*COMMAND, "explain", "--prometheus", url, "--run", "summ"], seconds=DEADLINE_SECONDS)
    assert (done.returncode, "no run 'summ'" in done.stderr) == (1, True)
