"""The standing of runs in a real Prometheus."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from deadline import wait_until
from rich.console import Console
from watched_runs import last_step

from vae_exporter.runs.newcomers import Newcomers
from vae_exporter.runs.printing import duration, table
from vae_exporter.runs.standing import Standing, standings
from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from watched_runs import WatchedRuns


def printed(*runs: Standing) -> list[str]:
    output = StringIO()
    Console(file=output, width=200).print(table(runs))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_each_run_has_its_step_its_judgment_and_its_gpus(watched: WatchedRuns) -> None:
    def found() -> dict[str, Standing]:
        return {run.run: run for run in standings(Prometheus(watched.url))}

    # A busy machine misses scrapes, and each looks like a lost run.
    wait_until(lambda: found()["good_run"].state == found()["full_run"].state == "running", "the runs are scraped")
    runs = found()
    assert sorted(runs) == ["bad_run", "full_run", "good_run"]
    good, full = runs["good_run"], runs["full_run"]
    assert (good.verdict, good.band) == ("healthy", "excellent")
    assert good.nll is not None
    assert 0.1 < good.nll < 0.2
    assert good.step == last_step("good_run")
    assert good.gpu is None
    assert full.verdict == "stop"
    assert full.alerts["VaeLossNonfinite"] == "page"
    assert full.gpu is not None
    assert full.gpu_memory is not None
    assert 0 < full.gpu_memory <= 1


def test_newcomers_are_announced_once(watched: WatchedRuns) -> None:
    output = StringIO()
    newcomers = Newcomers(Console(file=output))

    def announced() -> list[str]:
        newcomers.announce(Prometheus(watched.url))
        return sorted(output.getvalue().splitlines())

    everyone = ["run bad_run found", "run full_run found", "run good_run found"]
    wait_until(lambda: announced() == everyone, "every run is announced")
    assert announced() == everyone


def test_a_run_is_a_row() -> None:
    run = Standing(
        "a [b]", "running", 7, 0.1634, "excellent", "healthy", "excellent", 200, {"VaeNllSpike": "ticket"}, 0.9
    )
    assert printed(run)[1].split() == [
        *("a", "[b]", "running", "7", "0.163", "excellent", "healthy", "3", "min", "ago", "VaeNllSpike", "90%", "-")
    ]
    assert printed(Standing("new"))[1].split() == ["new", *["-"] * 6, "-", "-"]


def test_a_duration_has_the_largest_unit_that_fits() -> None:
    assert [duration(seconds) for seconds in (0.2, 59, 60, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]
