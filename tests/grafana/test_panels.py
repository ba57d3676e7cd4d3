"""What Grafana and its readers need of each panel."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from dashboard_files import DASHBOARDS, everything, of_each, of_each_panel, panels

CURVES = {"timeseries", "trend", "state-timeline"}

with_the_sdk = pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")


def units(panel: dict[str, Any]) -> set[str]:
    overrides = [prop for override in panel["fieldConfig"]["overrides"] for prop in override["properties"]]
    return {
        panel["fieldConfig"]["defaults"].get("unit", ""),
        *(prop["value"] for prop in overrides if prop["id"] == "unit"),
    }


def is_listed(style: dict[str, Any]) -> bool:
    """Return whether the legend lists a line of this style."""
    return "color" in style and not style.get("custom.hideFrom", {}).get("legend", False)


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
    """A log axis prints it at each tick without a label, and the legend of a state timeline lists it as a state.

    One that reads as a number turns gaps into zeros.
    """
    del board
    overrides = panel["fieldConfig"]["overrides"]
    set_here = {*panel["fieldConfig"]["defaults"], *(prop["id"] for one in overrides for prop in one["properties"])}
    assert ("noValue" in set_here) == (panel["type"] not in CURVES)


@of_each("table")
def test_an_empty_cell_of_any_column_is_a_dash(panel: dict[str, Any]) -> None:
    """And not the text for a table without rows."""
    texts = [
        (override["matcher"], prop["value"])
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "noValue"
    ]
    assert texts == [({"id": "byRegexp", "options": "/.*/"}, "\N{EN DASH}")]


@of_each("state-timeline")
def test_no_state_timeline_is_colored_by_thresholds(panel: dict[str, Any]) -> None:
    """With merged values, the range of the threshold would replace the text of the state."""
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["color"]["mode"] == "palette-classic"
    assert "thresholds" not in defaults
    assert defaults["mappings"]


@of_each("state-timeline")
def test_each_state_timeline_has_a_legend(panel: dict[str, Any]) -> None:
    """A short state has no room for its text."""
    assert panel["options"]["legend"]["showLegend"]


@pytest.mark.parametrize("title", ["NLL over its bands", "NLL by step"])
def test_no_two_lines_in_the_legend_of_the_nll_share_a_color(title: str) -> None:
    panel = next(panel for panel in panels("vae-run") if panel["title"] == title)
    styles = {
        override["matcher"]["options"]: {prop["id"]: prop["value"] for prop in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }
    listed = {name: style["color"]["fixedColor"] for name, style in styles.items() if is_listed(style)}
    assert sorted(listed) == ["NLL", "baseline", "best", "last 10 steps"]
    assert len({*listed.values()}) == len(listed)


@of_each("table")
def test_a_column_of_words_stands_left(panel: dict[str, Any]) -> None:
    for override in panel["fieldConfig"]["overrides"]:
        found = {prop["id"]: prop["value"] for prop in override["properties"]}
        assert found.get("custom.align", "auto") == ("left" if "mappings" in found else "auto")


@of_each("timeseries", "trend", "state-timeline")
def test_each_curve_has_a_name(panel: dict[str, Any]) -> None:
    unnamed = [one["refId"] for one in panel["targets"] if one["format"] == "time_series" and not one["legendFormat"]]
    assert unnamed == []


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


@pytest.mark.parametrize("title", ["Verdict", "Since last step", "NLL", "State"])
def test_a_tile_shows_no_value_from_before_the_end_of_the_time_range(title: str) -> None:
    """Otherwise the NLL of a run with NaN losses would be its last finite one."""
    (panel,) = (panel for panel in panels("vae-run") if panel["title"] == title)
    (target,) = panel["targets"]
    assert (target["instant"], target["range"]) == (True, False)


def test_the_firing_alerts_begin_with_the_pages() -> None:
    """The order is that of the alphabet, in which page comes before ticket."""
    (panel,) = (panel for panel in panels("vae-run") if panel["title"] == "Firing now")
    assert panel["transformations"][0] == {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "severity"}]}}


@pytest.mark.parametrize("title", ["Paging runs", "Verdict: stop", "Verdict: watch"])
def test_a_count_that_should_be_zero_is_green_only_if_it_is(title: str) -> None:
    (panel,) = (panel for panel in panels("vae-fleet") if panel["title"] == title)
    zero, more = panel["fieldConfig"]["defaults"]["mappings"]
    assert zero["options"] == {"0": {"text": "0", "color": "green", "index": 0}}
    assert more["options"]["from"] == 1
    assert more["options"]["to"] > 1000  # null would be 0 to Grafana, and match no count
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
        "sci",
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


@of_each("trend")
def test_the_time_is_left_out_of_a_panel_over_steps(panel: dict[str, Any]) -> None:
    """Grafana would draw over it, and the step as one of the lines."""
    left_out = {"id": "filterFieldsByName", "options": {"exclude": {"pattern": "^Time$"}}}
    assert left_out in panel["transformations"]


@of_each("trend")
def test_the_step_axis_is_always_linear(panel: dict[str, Any]) -> None:
    """Grafana applies the scale of a panel to both axes, and a log scale cannot show step 0."""
    name = panel["options"]["xField"]
    (step,) = (it for it in panel["fieldConfig"]["overrides"] if it["matcher"]["options"] == name)
    assert {"id": "custom.scaleDistribution", "value": {"type": "linear"}} in step["properties"]
