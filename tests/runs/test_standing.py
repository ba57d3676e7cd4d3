"""The standing of runs in a real Prometheus."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from deadline import wait_until
from rich.console import Console
from watched_runs import last_step

from vae_exporter.runs.live import current_table
from vae_exporter.runs.newcomers import Newcomers
from vae_exporter.runs.printing import duration, overview
from vae_exporter.runs.standing import Standing, standings
from vae_exporter.stack.client import Alertmanager, Prometheus

if TYPE_CHECKING:
    from watched_runs import WatchedRuns


def printed(*runs: Standing, width: int = 200) -> list[str]:
    output = StringIO()
    Console(file=output, width=width).print(overview(runs))
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
    assert printed(run)[1:] == [
        "a [b]  running     7  0.163  excellent  healthy  3 min ago  90%           -",
        "alerts of a [b]: VaeNllSpike",
    ]


def test_an_alert_that_is_held_back_says_so() -> None:
    alerts = {"VaeNllDiverged": "page", "VaeNllSpike": "ticket"}
    lines = printed(Standing("dead", alerts=alerts, suppressed={"VaeNllDiverged": "silenced"}))
    assert lines[-1] == "alerts of dead: VaeNllDiverged (silenced), VaeNllSpike"


def test_without_alertmanager_silences_are_unknown(watched: WatchedRuns) -> None:
    output = StringIO()
    table = current_table(Prometheus(watched.url), Alertmanager("http://127.0.0.1:1"))
    Console(file=output, width=200).print(table)
    assert "alerts of full_run: " in output.getvalue()
    assert "silences are unknown: http://127.0.0.1:1 does not answer like Alertmanager" in output.getvalue()


def test_no_column_is_for_gpus_if_no_run_has_one() -> None:
    assert [line.split() for line in printed(Standing("new"))] == [
        ["run", "state", "step", "NLL", "band", "verdict", "last", "step"],
        ["new", *["-"] * 6],
    ]


def test_a_terminal_of_80_columns_shows_each_name_in_full() -> None:
    """Its widest words, on machines with GPUs: only the name of the run folds, and the time and its header wrap."""
    alerts = {"VaeNllDiverged": "page", "VaeGpuRowRemapPending": "ticket", "VaeNotificationsFailing": "ticket"}
    run = Standing(
        "mytraining-run-4242", "terminated", 123456, 0.1634, "suspicious", "investigate", "x", 200, alerts, 0.9, 0.3
    )
    lines = printed(run, width=80)
    words = " ".join(lines).split()
    assert {"terminated", "123456", "0.163", "suspicious", "investigate", "90%", "30%"} <= set(words)
    assert {f"{name}," for name in ("VaeNllDiverged", "VaeGpuRowRemapPending")} <= set(words)
    assert words[-1] == "VaeNotificationsFailing"
    folded = [line[: lines[1].index("state")].strip() for line in lines[2:] if not line.startswith("alerts of")]
    assert "".join(folded).startswith("mytraining-run-4242")


def test_a_duration_has_the_largest_unit_that_fits() -> None:
    assert [duration(seconds) for seconds in (0.2, 59, 60, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]
