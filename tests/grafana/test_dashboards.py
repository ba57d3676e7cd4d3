"""What Grafana and its readers need of a dashboard, and that the committed files are up to date."""

from __future__ import annotations

import os
import re
import sys
from itertools import combinations
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from children import finished
from dashboard_files import DASHBOARDS, FOLDER, ROOT, PanelQuery, annotation_queries, panel_queries, panels, repeated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALERTS = {
    rule["alert"]
    for file in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}

CURVES = {"timeseries", "trend", "xychart"}

of_each_board = pytest.mark.parametrize("board", DASHBOARDS)
of_each_panel = pytest.mark.parametrize(
    ("board", "panel"),
    [pytest.param(board, panel, id=f"{board}-{panel['title']}") for board in DASHBOARDS for panel in panels(board)],
)
with_the_sdk = pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")


def everything(value: object) -> Iterator[tuple[str, Any]]:
    """Yield every key and its value, at any depth of a JSON value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key, part
            yield from everything(part)
    elif isinstance(value, list):
        for part in value:
            yield from everything(part)


def units(panel: dict[str, Any]) -> set[str]:
    overrides = [prop for override in panel["fieldConfig"]["overrides"] for prop in override["properties"]]
    return {
        panel["fieldConfig"]["defaults"].get("unit", ""),
        *(prop["value"] for prop in overrides if prop["id"] == "unit"),
    }


def of_type(kind: str) -> Iterator[dict[str, Any]]:
    yield from (panel for board in DASHBOARDS for panel in panels(board) if panel["type"] == kind)


def own_links() -> Iterator[tuple[str, str]]:
    for board, dashboard in DASHBOARDS.items():
        for key, value in everything(dashboard):
            if key == "url" and isinstance(value, str) and value.startswith("/"):
                yield board, value


@with_the_sdk
def test_the_committed_files_are_up_to_date(tmp_path: Path) -> None:
    """If this fails, run `make dashboards` and review the diff."""
    (tmp_path / "left-over.json").write_text("{}")
    command = [sys.executable, "-m", "vae_dashboards", str(tmp_path)]
    done = finished(
        command, env={"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("grafana", "prometheus"))}
    )
    assert done.returncode == 0, done.stderr
    made = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_text() for file in FOLDER.iterdir()}


def test_these_dashboards_exist() -> None:
    assert {uid: dashboard["uid"] for uid, dashboard in DASHBOARDS.items()} == {
        uid: uid for uid in ("gpu-memory", "vae-comparison", "vae-fleet", "vae-run")
    }


@of_each_board
def test_no_two_panels_share_an_id(board: str) -> None:
    ids = [panel["id"] for panel in DASHBOARDS[board]["panels"]]
    assert len(set(ids)) == len(ids)


@of_each_board
def test_panels_are_within_the_grid_and_do_not_overlap(board: str) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in DASHBOARDS[board]["panels"]]
    assert [title for title, at in places if at["x"] + at["w"] > 24] == []
    overlapping = [
        (first, second)
        for (first, a), (second, b) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlapping == []


@of_each_board
def test_each_row_of_panels_fills_the_width(board: str) -> None:
    lines: dict[int, int] = {}
    for panel in DASHBOARDS[board]["panels"]:
        at = panel["gridPos"]
        lines[at["y"]] = lines.get(at["y"], 0) + at["w"]
    assert set(lines.values()) == {24}


@of_each_board
def test_no_datasource_is_hard_coded(board: str) -> None:
    used = [value for key, value in everything(DASHBOARDS[board]) if key == "datasource"]
    assert used
    assert [value for value in used if value != {"type": "prometheus", "uid": "${datasource}"}] == []
    variable = DASHBOARDS[board]["templating"]["list"][0]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")


@of_each_board
def test_variables_follow_the_selected_time_range(board: str) -> None:
    queried = [variable for variable in DASHBOARDS[board]["templating"]["list"] if variable["type"] == "query"]
    assert [variable["name"] for variable in queried if variable["refresh"] != 2] == []


@of_each_board
def test_a_dashboard_is_not_editable_in_the_browser(board: str) -> None:
    assert DASHBOARDS[board]["editable"] is False


@of_each_board
def test_no_two_panels_of_a_dashboard_share_a_title(board: str) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert sorted(set(titles)) == sorted(titles)


@of_each_panel
def test_each_panel_has_a_title_a_description_and_a_no_data_text(board: str, panel: dict[str, Any]) -> None:
    del board
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert (" No data? " in panel["description"]) == (panel["type"] in CURVES)
    assert panel["type"] in CURVES or panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["targets"]


@of_each_panel
def test_no_curve_has_a_no_data_text(board: str, panel: dict[str, Any]) -> None:
    """A log axis prints it at each tick without a label, and one that reads as a number turns gaps into zeros."""
    del board
    overrides = panel["fieldConfig"]["overrides"]
    set_here = {*panel["fieldConfig"]["defaults"], *(prop["id"] for one in overrides for prop in one["properties"])}
    assert ("noValue" in set_here) == (panel["type"] not in CURVES)


@pytest.mark.parametrize("panel", [*of_type("table")], ids=lambda panel: panel["title"])
def test_an_empty_cell_of_any_column_is_a_dash(panel: dict[str, Any]) -> None:
    """And not the text for a table without rows."""
    texts = [
        (override["matcher"], prop["value"])
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "noValue"
    ]
    assert texts == [({"id": "byRegexp", "options": "/.*/"}, "\N{EN DASH}")]


@pytest.mark.parametrize("panel", [*of_type("state-timeline")], ids=lambda panel: panel["title"])
def test_no_state_timeline_is_colored_by_thresholds(panel: dict[str, Any]) -> None:
    """With merged values, the range of the threshold would replace the text of the state."""
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["color"]["mode"] == "palette-classic"
    assert "thresholds" not in defaults
    assert defaults["mappings"]


@pytest.mark.parametrize("panel", [*of_type("table")], ids=lambda panel: panel["title"])
def test_a_column_of_words_stands_left(panel: dict[str, Any]) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        found = {prop["id"]: prop["value"] for prop in override["properties"]}
        assert found.get("custom.align", "auto") == ("left" if "mappings" in found else "auto")


def test_no_legend_of_the_run_dashboard_names_the_run() -> None:
    """The heading of each row does, which Grafana repeats for each run."""
    legends = [target.get("legendFormat", "") for panel in panels("vae-run") for target in panel["targets"]]
    assert [legend for legend in legends if "run" in legend] == []
    headings = [
        (panel["repeat"], "$run" in panel["title"])
        for panel in DASHBOARDS["vae-run"]["panels"]
        if panel["type"] == "row"
    ]
    assert set(headings) == {("run", True)}
    assert set(repeated("vae-run")) == {panel["title"] for panel in panels("vae-run")}


@pytest.mark.parametrize(
    "panel", [*of_type("timeseries"), *of_type("trend"), *of_type("state-timeline")], ids=lambda panel: panel["title"]
)
def test_each_curve_has_a_name(panel: dict[str, Any]) -> None:
    assert [target["refId"] for target in panel["targets"] if not target["legendFormat"]] == []


def test_what_is_needed_at_night_comes_first() -> None:
    """On a phone, the panels come one under another, in this order."""
    places = {panel["title"]: (panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in panels("vae-run")}
    assert sorted(places, key=places.__getitem__)[:6] == [
        "Verdict",
        "Reason and what to do",
        "NLL over its bands",
        "Since last step",
        "Firing now",
        "Outputs",
    ]


@pytest.mark.parametrize("title", ["NLL over its bands", "NLL by step"])
def test_the_bands_are_areas_between_the_edges_of_the_run(title: str) -> None:
    panel = next(panel for panel in panels("vae-run") if panel["title"] == title)
    down_to = {
        override["matcher"]["options"]: prop["value"]
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "custom.fillBelowTo"
    }
    edges = ["floor", "suspicious", "excellent_min", "excellent_max", "good_max", "bad", "ceiling"]
    assert down_to == dict(zip(edges[1:], edges[:-1], strict=True))
    queries = {target["legendFormat"]: target["expr"] for target in panel["targets"]}
    assert [edge for edge in edges if "unless on (run) run:vae_nll:bands_unfit{" not in queries[edge]] == []
    assert panel["fieldConfig"]["defaults"]["custom"]["scaleDistribution"] == {"type": "log", "log": 10}
    assert "stacking" not in str(panel["fieldConfig"]["defaults"])


@pytest.mark.parametrize("title", ["Paging runs", "Verdict: stop", "Verdict: watch"])
def test_a_count_that_should_be_zero_is_green_only_if_it_is(title: str) -> None:
    (panel,) = (panel for panel in panels("vae-fleet") if panel["title"] == title)
    zero, more = panel["fieldConfig"]["defaults"]["mappings"]
    assert zero["options"] == {"0": {"text": "0", "color": "green", "index": 0}}
    assert (more["options"]["from"], more["options"]["to"]) == (1, None)
    assert more["options"]["result"]["color"] in {"red", "orange"}


@of_each_panel
def test_each_unit_exists_in_grafana(board: str, panel: dict[str, Any]) -> None:
    del board
    known = {
        "none",
        "s",
        "bytes",
        "percentunit",
        "dB",
        "celsius",
        "watt",
        "hertz",
    }  # checked against the SDK's list below
    assert units(panel) <= known


@with_the_sdk
def test_each_unit_is_listed_in_the_sdk_of_grafana() -> None:
    from grafana_foundation_sdk.models import units as listed  # noqa: PLC0415 - not for Python 3.10

    known = {value for name, value in vars(listed).items() if name[0].isupper() and isinstance(value, str)}
    assert {unit for board in DASHBOARDS for panel in panels(board) for unit in units(panel)} <= known


@of_each_panel
def test_each_color_is_one_of_grafanas_themed_names(board: str, panel: dict[str, Any]) -> None:
    del board
    colors = {value for key, value in everything(panel) if key in ("fixedColor", "color") and isinstance(value, str)}
    assert colors <= {"green", "yellow", "orange", "red", "blue", "purple", "text", "transparent"}


@of_each_panel
def test_no_meaning_is_conveyed_by_color_alone(board: str, panel: dict[str, Any]) -> None:
    """Thresholds have only one step, because they have no text. Each mapped value has a text with its color.

    A mapped range needs none: it shows the value.
    """
    del board
    defaults = panel["fieldConfig"]["defaults"]
    assert len(defaults.get("thresholds", {}).get("steps", [None])) == 1
    mappings = [mapping for key, value in everything(panel) if key == "mappings" for mapping in value]
    results = [result for one in mappings if one["type"] == "value" for result in one["options"].values()]
    assert [result for result in results if not result.get("text")] == []


def test_the_run_dashboard_repeats_its_top_row_for_each_run() -> None:
    first = DASHBOARDS["vae-run"]["panels"][0]
    assert (first["type"], first["repeat"], first["title"]) == ("row", "run", "Run $run")


@pytest.mark.parametrize("query", [*panel_queries(), *annotation_queries()], ids=str)
def test_a_query_selects_runs_and_uses_grafanas_intervals(query: PanelQuery) -> None:
    """Each selector matches the selected runs or any run. Each rate uses one of Grafana's interval variables."""
    selectors = re.findall(r"(?<![\w\"])((?:\w+:)?vae_[\w:]+|ALERTS)(\{[^}]*\})?", query.expr)
    assert selectors
    assert [name for name, labels in selectors if "run" not in labels] == []
    assert re.findall(r"(?:rate|increase)\([^\[]*\[(?!\$__(?:rate_interval|range)\])", query.expr) == []


@pytest.mark.parametrize("query", list(panel_queries()), ids=str)
def test_a_query_asks_for_the_growth_of_a_counter(query: PanelQuery) -> None:
    """Except for ECC errors, which the GPU counts and which outlive the process: their level matters."""
    bare = re.sub(r"(?:rate|increase)\([^\]]*\]\)", "", query.expr)
    assert set(re.findall(r"\bvae_\w+_total\b", bare)) <= {"vae_gpu_ecc_errors_total"}


@pytest.mark.parametrize(("board", "url"), list(own_links()))
def test_a_link_targets_an_existing_dashboard_and_its_variables(board: str, url: str) -> None:
    del board
    parts = urlsplit(url)
    target = DASHBOARDS[parts.path.removeprefix("/d/")]
    known = {f"var-{variable['name']}" for variable in target["templating"]["list"]}
    given = set(parse_qs(parts.query.replace("&${__url_time_range}", "")))
    assert "${__url_time_range}" in parts.query
    assert given <= known


@pytest.mark.parametrize(("kind", "name"), [("xychart", "Value #step"), ("trend", "step")])
def test_the_step_axis_is_always_linear(kind: str, name: str) -> None:
    """Grafana applies the scale of a panel to both axes, and a log scale cannot show step 0."""
    by_step = [*of_type(kind)]
    assert by_step
    for panel in by_step:
        (step,) = (it for it in panel["fieldConfig"]["overrides"] if it["matcher"]["options"] == name)
        assert {"id": "custom.scaleDistribution", "value": {"type": "linear"}} in step["properties"], panel["title"]


def test_the_runbook_link_targets_the_folder_that_has_a_runbook_for_each_alert() -> None:
    urls = {
        value
        for key, value in everything(DASHBOARDS["vae-run"])
        if key == "url" and isinstance(value, str) and "/runbooks/" in value
    }
    homepage = re.search(r'^Homepage = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert homepage
    assert urls == {f"{homepage[1]}/blob/main/docs/runbooks/${{__value.raw}}.md"}
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == ALERTS


@of_each_board
def test_each_override_matches_a_query_or_a_label(board: str) -> None:
    for panel in panels(board):
        names = {target["refId"] for target in panel["targets"]}
        for override in panel["fieldConfig"]["overrides"]:
            option = override["matcher"]["options"]
            if override["matcher"]["id"] == "byFrameRefID":
                assert option in names, panel["title"]
            elif option in {"/.*/", *(target.get("legendFormat") for target in panel["targets"])}:
                continue
            elif found := re.fullmatch(r"(?:Value|Trend) #(\w+)", option):
                assert found[1] in names, panel["title"]
            else:
                exprs = [target["expr"] for target in panel["targets"]]
                assert any(re.search(rf"\b{option}\b|without", expr) for expr in exprs), panel["title"]


def test_the_image_of_grafana_has_the_minor_version_of_the_sdk() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    sdk = re.search(r"grafana-foundation-sdk==\d+!(\d+\.\d+)\.", (ROOT / "pyproject.toml").read_text())
    image = re.search(r"grafana/grafana:(\d+\.\d+)\.", compose)
    assert sdk
    assert image
    assert image[1] == sdk[1]
