"""Queries against series that promtool wrote: a run that resumes, one that the bands do not fit, one that has ended."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from dashboard_files import PanelQuery, annotation_queries, panel_queries
from stored_series import store

from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERVAL = 15
"""Seconds between two samples. Each is at a multiple of it, as are the times that Grafana asks for."""

STEPS = [*range(0, 2000, 100), *[2000] * 8, *range(1200, 3100, 100)]
"""The steps of a run: it pauses at step 2000, and then resumes from a checkpoint of step 1200."""

END = int(time.time()) // 3600 * 3600
START = END - INTERVAL * (len(STEPS) - 1)

EDGES = {
    "suspicious": 0.05,
    "excellent_min": 0.12,
    "excellent_max": 0.18,
    "good_max": 0.25,
    "bad": 0.3,
    "golden_min": 0.14,
    "golden_max": 0.16,
}

RAISED, LOWERED = 25, 40
LEARNING_RATES = [
    *(1e-5 * step for step in range(1, 11)),
    *[1e-4] * (RAISED - 10),
    *[3e-4] * (LOWERED - RAISED),
    *[1e-4] * (len(STEPS) - LOWERED),
]
"""A warm-up, a jump and a fall."""

QUERIES = list(panel_queries())


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Yield a Prometheus with the runs *resumed*, *unfit*, which the bands do not fit, and *ended*."""
    folder = tmp_path_factory.mktemp("stored")
    store(folder, _lines())
    with prometheus(folder, alertmanager_url="http://127.0.0.1:1") as url:
        yield Prometheus(url)


def _lines() -> Iterator[str]:
    series: dict[str, list[tuple[str, float | None]]] = {
        "run:vae_step:max": [("resumed", None)],
        **{f"run:vae_nll:edge_{edge}": [("resumed", value), ("unfit", value)] for edge, value in EDGES.items()},
        "run:vae_nll:bands_unfit": [("unfit", 1.0)],
    }
    for name, values in series.items():
        yield f"# TYPE {name} gauge"
        for run, value in values:
            for index, step in enumerate(STEPS):
                yield f'{name}{{run="{run}"}} {step if value is None else value} {START + index * INTERVAL}'
    yield "# TYPE run_rank:vae_run_state:code gauge"
    yield from (f'run_rank:vae_run_state:code{{run="resumed",rank="0"}} 0 {START + at * INTERVAL}' for at in range(20))
    yield "# TYPE run_rank:vae_last_step:timestamp_seconds gauge"
    yield f'run_rank:vae_last_step:timestamp_seconds{{run="ended",rank="0"}} {START + 290} {START + 300}'
    yield "# TYPE vae_run_info gauge"
    for at in range(START, START + 300, INTERVAL):
        yield f'vae_run_info{{run="ended",outputs_url="https://host/"}} 1 {at}'
    yield from _lines_of_succession()
    yield "# TYPE vae_learning_rate gauge"
    for index, rate in enumerate(LEARNING_RATES):
        yield f'vae_learning_rate{{run="warmed-up"}} {rate} {START + index * INTERVAL}'


def _lines_of_succession() -> Iterator[str]:
    """Yield the NLL of *job-1* in the first half of the time, and in the second half that of *job-2*, its successor."""
    seconds = [START + index * INTERVAL for index in range(len(STEPS))]
    first, second = seconds[: len(STEPS) // 2], seconds[len(STEPS) // 2 :]
    yield "# TYPE run:vae_nll:mean gauge"
    yield from (f'run:vae_nll:mean{{run="job-1"}} 0.5 {at}' for at in first)
    yield from (f'run:vae_nll:mean{{run="job-2"}} 0.16 {at}' for at in second)
    yield "# TYPE run:vae_run:successor gauge"
    yield from (f'run:vae_run:successor{{run="job-1",successor="job-2"}} {second[0]} {at}' for at in second)


def _steps(stored: Prometheus, start: int, interval: int) -> list[float]:
    (query,) = (
        query for query in QUERIES if (query.place, query.name, query.board) == ("NLL by step", "step", "vae-run")
    )
    shown = END - start
    expr = query.filled(run="resumed", __interval=f"{interval}s", __range=f"{shown}s", __range_s=str(shown))
    (series,) = stored.query_range(expr, start=start, end=END, step=interval)
    return [value for _, value in series.points]


@pytest.mark.parametrize("interval", [INTERVAL, 2 * INTERVAL, 4 * INTERVAL])
@pytest.mark.parametrize("start", [START, START - 3600, START + 25 * INTERVAL])
def test_the_steps_ascend_strictly_through_a_pause_and_a_resume(stored: Prometheus, start: int, interval: int) -> None:
    """Grafana refuses to draw by an x axis that does not, a repeated value included."""
    steps = _steps(stored, start, interval)
    assert all(before < after for before, after in pairwise(steps))
    assert steps[-1] >= STEPS[-1] - 100 * interval // INTERVAL


def test_steps_that_were_trained_again_have_the_values_of_the_last_time(stored: Prometheus) -> None:
    assert _steps(stored, START, INTERVAL) == [float(step) for step in range(0, 3100, 100)]


@pytest.mark.parametrize(
    "query", [query for query in QUERIES if query.place == "NLL over its bands" and "edge_" in query.expr], ids=str
)
def test_no_band_is_drawn_for_a_run_that_the_bands_do_not_fit(query: PanelQuery, stored: Prometheus) -> None:
    found = stored.query(query.filled(run="resumed|unfit"), at=END)
    assert [series.labels["run"] for series in found] == ["resumed"]


@pytest.mark.parametrize("query", [query for query in QUERIES if query.place in ("Outputs", "About")], ids=str)
def test_a_run_that_has_ended_still_says_what_it_was(query: PanelQuery, stored: Prometheus) -> None:
    (series,) = stored.query(query.filled(run="ended", __range=f"{END - START}s"), at=END)
    assert series.labels["outputs_url"] == "https://host/"


def test_the_time_since_the_last_step_goes_on_after_the_end(stored: Prometheus) -> None:
    (query,) = (query for query in QUERIES if query.place == "Since last step")
    (series,) = stored.query(query.filled(run="ended", __range=f"{END - START}s"), at=END)
    assert series.value == END - START - 290


def test_the_edges_of_a_comparison_come_after_all_runs(stored: Prometheus) -> None:
    """Grafana colors lines by their place, so a run would else have another color in each panel."""
    place = ("vae-comparison", "NLL by step")
    asked = {query.name: query for query in QUERIES if (query.board, query.place) == place}
    filled = {"run": "resumed|unfit|job-2", "__interval": "15s", "__range": "1h", "__range_s": "3600"}
    found = stored.query(asked["nll"].filled(**filled), at=END)
    runs = sorted(series.labels["run"] for series in found)
    edges = [f"~ {name} of resumed" for name in ("degraded", "excellent", "good")]
    assert runs == ["job-2", *edges]
    steps = {series.labels["run"] for series in stored.query(asked["step"].filled(**filled), at=END)}
    assert {"resumed", *edges} <= steps


@pytest.mark.parametrize(
    "query",
    [query for query in QUERIES if query.place in ("Alert history", "Cause of a rise", "Confidence gap")],
    ids=str,
)
def test_a_timeline_says_that_there_is_nothing(query: PanelQuery, stored: Prometheus) -> None:
    """Without data, Grafana would call the panel broken."""
    (series,) = stored.query_range(query.filled(run="resumed"), start=START, end=START + 300, step=INTERVAL)
    assert "none" in series.labels.values()
    assert {value for _, value in series.points} == {0}


def test_the_curve_of_a_run_begins_with_that_of_the_run_that_it_resumes(stored: Prometheus) -> None:
    (query,) = (query for query in QUERIES if (query.place, query.name) == ("NLL over its bands", "nll"))
    expr = query.filled(run="job-2", before="(job-1)", __range=f"{END - START}s")
    (series,) = stored.query_range(expr, start=START, end=END, step=INTERVAL)
    half = len(STEPS) // 2
    assert [value for _, value in series.points] == [0.5] * half + [0.16] * (len(STEPS) - half)


def test_jumps_of_the_learning_rate_are_marked_but_not_its_warm_up(stored: Prometheus) -> None:
    (query,) = (query for query in annotation_queries() if query.name == "Learning rate jumps")
    expr = query.filled(run="warmed-up", __interval=f"{INTERVAL}s")
    (series,) = stored.query_range(expr, start=START, end=END, step=INTERVAL)
    assert [at for at, _ in series.points] == [START + index * INTERVAL for index in (RAISED, LOWERED)]
