"""Every query of every panel, with its variables filled in, against a Prometheus that has scraped runs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from dashboard_files import DASHBOARDS, ROOT, PanelQuery, annotation_queries, panel_queries, panels, repeated, series_in
from prometheus_client.parser import text_string_to_metric_families
from shipped_rules import RECORDED
from watched_runs import RUNS, WatchedRuns

from vae_exporter.stack.client import Prometheus, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

EVERYTHING = {"run": "|".join(RUNS), "before": "()", "rank": ".*", "gpu": ".*"}
FILLED = {"__rate_interval": "5s", "__interval": "1s", "__range": "3600s", "__range_s": "3600"}

NEVER_TRUE_HERE = {"Ends of pages", "Learning rate jumps", "Stages"}
"""Annotations of events that do not happen in the watched runs."""

QUERIES = list(panel_queries())
ANNOTATIONS = list(annotation_queries())


def known_series() -> set[str]:
    """Return the series that the exporter exports or the rules record."""
    golden = (ROOT / "tests" / "data" / "metrics.txt").read_text()
    return {
        *(sample.name for family in text_string_to_metric_families(golden) for sample in family.samples),
        *RECORDED,
    }


def ask(runs: WatchedRuns, query: PanelQuery, **variables: str) -> list[Series]:
    """Run *query* as Grafana does. A query that Prometheus rejects raises its error message."""
    expr = query.filled(**{**EVERYTHING, **variables}, **FILLED)
    if query.kind == "instant":
        return Prometheus(runs.url).query(expr, at=runs.end)
    return Prometheus(runs.url).query_range(expr, start=runs.start, end=runs.end, step=1)


def test_every_queried_series_exists() -> None:
    asked = {name for query in [*QUERIES, *ANNOTATIONS] for name in series_in(query.expr)}
    assert asked
    assert asked - known_series() == set()


@pytest.mark.parametrize(
    "query", [*QUERIES, *(query for query in ANNOTATIONS if query.name not in NEVER_TRUE_HERE)], ids=str
)
def test_every_query_returns_data(query: PanelQuery, watched: WatchedRuns) -> None:
    assert ask(watched, query) != []


@pytest.mark.parametrize("query", [query for query in QUERIES if "$run" in query.expr], ids=str)
def test_a_query_returns_only_the_selected_run(query: PanelQuery, watched: WatchedRuns) -> None:
    found = ask(watched, query, run="bad_run")
    assert {labels(series).get("run", "bad_run").removeprefix(edge_of(series)) for series in found} <= {"bad_run"}


@pytest.mark.parametrize("query", [query for query in QUERIES if query.format == "time_series"], ids=str)
def test_no_two_curves_of_a_query_share_a_name(query: PanelQuery, watched: WatchedRuns) -> None:
    chosen = {"run": "good_run|full_run"}
    if query.place in repeated(query.board):
        chosen = {"run": "full_run", "gpu": "GPU-.*"}  # one of each: the golden file has one GPU and one MIG slice
    found = [legend_of(query, labels(series)) for series in ask(watched, query, **chosen)]
    assert sorted(set(found)) == sorted(found)


def test_queries_joined_by_step_return_one_series_for_each_run(watched: WatchedRuns) -> None:
    by_step = [panel["title"] for panel in panels("vae-comparison") if panel["type"] == "trend"]
    assert by_step
    queries = [query for query in QUERIES if query.board == "vae-comparison" and query.place in by_step]
    for query in queries:
        found = ask(watched, query)
        assert [set(labels(series)) for series in found] == [{"run"}] * len(found), query
        assert len({labels(series)["run"] for series in found}) == len(found), query
    steps = [series for query in queries if query.name == "step" for series in ask(watched, query)]
    runs = [series.labels["run"] for series in steps if not edge_of(series)]
    assert sorted(runs) == sorted([*RUNS] * len(by_step))


def test_each_edge_is_drawn_over_the_steps_of_its_run(watched: WatchedRuns) -> None:
    compared = [query for query in QUERIES if query.board == "vae-comparison" and "~ " in query.expr]
    assert {query.name for query in compared} == {"step", "nll", "loss"}
    for place in {query.place for query in compared}:
        steps, values = (ask(watched, query) for query in compared if query.place == place)
        drawn = {series.labels["run"] for series in values if edge_of(series)}
        assert {run.partition(" of ")[2] for run in drawn} == set(RUNS)
        assert drawn <= {series.labels["run"] for series in steps}


def test_queries_joined_into_one_row_per_run_have_no_other_label(watched: WatchedRuns) -> None:
    queries = [query for query in QUERIES if query.board == "vae-fleet" and query.format == "table"]
    for query in queries:
        found = ask(watched, query)
        assert [set(labels(series)) - {"reason"} for series in found] == [{"run"}] * len(found), query
        assert len({labels(series)["run"] for series in found}) == len(found), query


def test_the_edges_of_the_bands_ascend_and_the_nll_lies_between_them(watched: WatchedRuns) -> None:
    found = {
        query.name: ask(watched, query, run="good_run")[0].value
        for query in QUERIES
        if query.place == "NLL over its bands" and query.name != "baseline"
    }
    edges = ("floor", "suspicious", "excellent_min", "excellent_max", "good_max", "bad", "ceiling")
    assert [found[edge] for edge in edges] == pytest.approx([0.02, 0.05, 0.12, 0.18, 0.25, 0.30, 5.0])
    assert found["excellent_min"] <= found["nll"] <= found["excellent_max"]


def test_a_page_is_marked_at_the_moment_it_begins_to_fire(watched: WatchedRuns) -> None:
    (pages,) = (query for query in ANNOTATIONS if query.name == "Pages")
    firing = replace(pages, expr=pages.expr.partition(" unless ")[0])
    seconds = {series.labels["alertname"]: len(series.points) for series in ask(watched, firing, run="full_run")}
    marks = {series.labels["alertname"]: len(series.points) for series in ask(watched, pages, run="full_run")}
    assert max(seconds.values()) > 1
    assert marks == dict.fromkeys(seconds, 1)


def test_a_gpu_is_named_by_host_index_and_the_start_of_its_uuid(watched: WatchedRuns) -> None:
    """Grafana applies the pattern of the variable to each series, in the format of Prometheus's text."""
    variables = DASHBOARDS["gpu-memory"]["templating"]["list"]
    (variable,) = (one for one in variables if one["name"] == "gpu")
    expr = re.fullmatch(r"query_result\((.*)\)", variable["query"]["query"])
    assert expr
    query = PanelQuery("gpu-memory", "variable", "gpu", expr[1], "instant", "table")
    pattern = re.compile(variable["regex"].removeprefix("/").removesuffix("/g").replace("?<", "?P<"))
    shown = {}
    for series in ask(watched, query):
        text = "{" + ",".join(f'{name}="{value}"' for name, value in series.labels.items()) + "}"
        groups = [found.groupdict() for found in pattern.finditer(text)]
        (value,) = (found["value"] for found in groups if found["value"])
        (shown[value],) = (found["text"] for found in groups if found["text"])
    assert shown == {
        "GPU-5f8b2c1e-aaaa-4bbb-8ccc-0123456789ab": "127.0.0.1 0 5f8b2c1e",
        "MIG-7d1c9b3a-dddd-5eee-8fff-0123456789ab": "127.0.0.1 1 7d1c9b3a",
    }


def test_only_reasons_that_throttled_a_gpu_are_shown(watched: WatchedRuns) -> None:
    (throttling,) = (query for query in QUERIES if query.place == "Throttled GPUs")
    assert [series.labels["reason"] for series in ask(watched, throttling)] == ["sw_power_cap"]


@pytest.mark.parametrize("place", ["Memory breakdown", "Memory of the fullest GPU"])
def test_memory_of_ranks_that_share_a_gpu_adds_up(place: str, watched: WatchedRuns) -> None:
    query = next(query for query in QUERIES if (query.place, query.name) == (place, "allocated"))
    (series,) = ask(watched, query, run="full_run")
    assert series.value == 4.8e10 + 1e9


def test_the_worst_run_comes_first_in_the_fleet(watched: WatchedRuns) -> None:
    worst = next(query for query in QUERIES if query.board == "vae-fleet" and query.name == "worst")
    order = sorted(ask(watched, worst), key=lambda series: -series.value)
    assert order[0].labels["run"] == "full_run"  # a page: its loss is NaN
    assert {series.labels["run"] for series in order} == set(RUNS)


def edge_of(series: Series) -> str:
    """Return what precedes the run in the name of an edge, for panels over steps; empty if it is none."""
    found = re.match(r"~ \w+ of ", series.labels.get("run", ""))
    return found[0] if found else ""


def labels(series: Series) -> dict[str, str]:
    return {name: value for name, value in series.labels.items() if name != "__name__"}


def legend_of(query: PanelQuery, of_series: Mapping[str, str]) -> str:
    """Return the name of a curve as Grafana builds it."""
    target = next(
        target
        for panel in panels(query.board)
        if panel["title"] == query.place
        for target in panel["targets"]
        if target["refId"] == query.name
    )
    legend = target.get("legendFormat") or str(sorted(of_series.items()))
    return re.sub(r"\{\{(\w+)\}\}", lambda found: of_series.get(found[1], ""), legend)
