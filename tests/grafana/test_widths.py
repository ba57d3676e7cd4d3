"""Every fixed text fits its place, measured in a font that is about as wide as Grafana's."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import pytest
from dashboard_files import DASHBOARDS, of_each, of_each_panel, panels
from PIL import ImageFont

from vae_exporter._gpu.nvml.health import THROTTLE_REASONS
from vae_exporter.advice import ALERTS, BANDS
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DESKTOP, PHONE = 1600, 412
"""The widths of a window, in pixels."""

GAP = 8
LINE = 22
ROW = 44
"""The height of a row of a table."""

HEADER = 40
"""The height of a panel's title, with the padding."""

VALUES = {
    "alertname": [*ALERTS],
    "reason": [*ALERTS, *BANDS],
    "name": ["NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"],
    "mig_profile": ["1g.10gb"],
    "card": ["training-node-17 0 5f8b2c1e"],
}
"""The texts that a column without value mappings may have. The names of runs and URLs may be of any length."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size)


def width_of(text: str, size: int = 14) -> float:
    return float(font(size).getlength(text))


def inner_width(panel: dict[str, Any], window: int = DESKTOP) -> float:
    """Return the width of a panel without its padding. On a phone, each panel has the full width."""
    board = window - 4 * GAP
    share = panel["gridPos"]["w"] / 24 if window == DESKTOP else 1
    return float((board + GAP) * share - 3 * GAP)


def inner_height(panel: dict[str, Any]) -> float:
    return float(38 * panel["gridPos"]["h"] - GAP - HEADER)


def lines_of(text: str, width: float, size: int = 14) -> int:
    """Return the number of lines of *text*, wrapped between words."""
    lines, line = 1, ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if width_of(longer, size) > width and line:
            lines, line = lines + 1, word
        else:
            line = longer
    return lines


def names_of(target: dict[str, Any]) -> list[str]:
    """Return the names in the legend that a query adds, as far as they do not depend on the run."""
    legend = target.get("legendFormat", "")
    if "{{component}}" in legend:
        chosen = re.search(r'component=~"([^"]+)"', target["expr"])
        return chosen[1].split("|") if chosen else [*COMPONENTS]
    return [] if "{{" in legend or not legend else [legend]


def lines_of_legend(names: Sequence[str], width: float) -> int:
    """Return the number of lines of a legend, in which each name has a line as its sample."""
    lines, used = 1, 0.0
    for name in names:
        item = width_of(name, 12) + 30
        if used + item > width:
            lines, used = lines + 1, 0.0
        used += item
    return lines


def columns(panel: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the field and the properties of each column of a table."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName":
            yield override["matcher"]["options"], {prop["id"]: prop["value"] for prop in override["properties"]}


def texts_of(field: str, properties: dict[str, Any]) -> list[str]:
    results = [
        result
        for one in properties.get("mappings", [])
        for result in (one["options"].values() if one["type"] == "value" else [one["options"]["result"]])
    ]
    return [result["text"] for result in results] or VALUES.get(field, [])


def width_of_column(panel: dict[str, Any], properties: dict[str, Any], window: int = DESKTOP) -> float:
    """Return the width of a cell without its padding. Columns without a width share what the others leave."""
    widths = [found.get("custom.width") for _, found in columns(panel)]
    flexible = (inner_width(panel, window) - sum(width or 0 for width in widths)) / max(1, widths.count(None))
    return float(properties.get("custom.width") or flexible) - 12


@of_each("table")
def test_the_columns_of_a_table_leave_room_for_those_without_a_width(panel: dict[str, Any]) -> None:
    for field, properties in columns(panel):
        assert width_of_column(panel, properties) >= (60 if "custom.width" in properties else 138), field


@of_each("table")
def test_each_text_of_a_table_fits_its_column(panel: dict[str, Any]) -> None:
    for field, properties in columns(panel):
        width = width_of_column(panel, properties)
        texts = [properties["displayName"], *texts_of(field, properties)]
        assert [text for text in texts if width_of(text) > width] == [], field


def test_each_advice_fits_its_column_on_a_phone() -> None:
    """The table scrolls sideways there, and gives a column without a width the least."""
    (panel,) = [panel for panel in panels("vae-run") if panel["title"] == "Firing now"]
    (properties,) = [properties for field, properties in columns(panel) if field == "do"]
    assert set(texts_of("do", properties)) == set(ALERTS.values())
    assert max(map(width_of, ALERTS.values())) <= properties["custom.minWidth"] - 12


@pytest.mark.parametrize("window", [DESKTOP, PHONE])
def test_the_reason_and_what_to_do_are_not_cut(window: int) -> None:
    (panel,) = [panel for panel in panels("vae-run") if panel["title"] == "Reason and what to do"]
    texts = [*texts_of("reason", panel["fieldConfig"]["defaults"]), panel["fieldConfig"]["defaults"]["noValue"]]
    assert len(texts) == len(ALERTS) + len(BANDS) + 1
    size = panel["options"]["text"]["valueSize"]
    width, height = inner_width(panel, window) - 2 * GAP, inner_height(panel) - 2 * GAP
    assert [text for text in texts if lines_of(text, width, size) * 1.2 * size > height] == []


@of_each_panel
def test_the_title_and_the_text_without_data_fit_the_panel(board: str, panel: dict[str, Any]) -> None:
    del board
    assert width_of(panel["title"]) <= inner_width(panel) - 32  # the icon that shows the description
    assert width_of(panel["fieldConfig"]["defaults"].get("noValue", "")) <= inner_width(panel)


@of_each_panel
def test_the_words_of_a_tile_without_a_size_are_large(board: str, panel: dict[str, Any]) -> None:
    del board
    mapped = [one for one in panel["fieldConfig"]["defaults"].get("mappings", []) if one["type"] == "value"]
    texts = [result["text"] for one in mapped for result in one["options"].values()]
    if panel["type"] == "stat" and "text" not in panel["options"]:
        assert [text for text in texts if width_of(text, 24) > inner_width(panel)] == []


@pytest.mark.parametrize("window", [DESKTOP, PHONE])
def test_no_name_in_the_alert_history_is_cut(window: int) -> None:
    """Grafana leaves 40 % of the width for the names."""
    panel = next(panel for panel in panels("vae-run") if panel["title"] == "Alert history")
    assert [name for name in ALERTS if width_of(name.removeprefix("Vae"), 12) > 0.4 * inner_width(panel, window)] == []


@pytest.mark.parametrize("window", [DESKTOP, PHONE])
def test_no_reason_of_throttling_is_cut(window: int) -> None:
    panel = next(panel for panel in panels("gpu-memory") if panel["title"] == "Throttled GPUs")
    (target,) = panel["targets"]
    assert target["legendFormat"] == "{{reason}}"
    shortened = re.search(r'"reason", "\$1", "reason", "([^"]+)"', target["expr"])
    assert shortened
    names = {re.sub(f"^{shortened[1]}$", r"\1", reason) for reason in THROTTLE_REASONS}
    assert len(names) == len(THROTTLE_REASONS)
    assert [name for name in names if width_of(name, 12) > 0.4 * inner_width(panel, window)] == []


def test_the_eight_gpus_of_a_node_are_in_view() -> None:
    panel = next(panel for panel in panels("gpu-memory") if panel["title"] == "GPUs")
    assert inner_height(panel) >= 9 * ROW


@of_each("table")
def test_the_name_of_a_run_is_whole_on_a_phone(panel: dict[str, Any]) -> None:
    """The table scrolls sideways there, and gives a column without a width the least."""
    for properties in (found for field, found in columns(panel) if field == "run"):
        assert width_of("vae-2026-11-28-bs4-kl1e-6") <= properties["custom.minWidth"] - 12


@of_each("timeseries", "trend")
def test_each_legend_of_known_names_is_whole_on_a_phone(panel: dict[str, Any]) -> None:
    """Grafana gives it 35 % of the height, and lets it scroll beyond."""
    names = [name for target in panel["targets"] for name in names_of(target)]
    room = 0.35 * inner_height(panel)
    assert (
        lines_of_legend(names, inner_width(panel, PHONE)) * LINE <= room or not panel["options"]["legend"]["showLegend"]
    )


@pytest.mark.parametrize("board", DASHBOARDS)
def test_each_heading_fits_two_lines_on_a_phone(board: str) -> None:
    """A third line would lie over the panels below."""
    headings = [panel["title"] for panel in DASHBOARDS[board]["panels"] if panel["type"] == "row"]
    longest = {
        heading: heading.replace("$run", "n" * 30).replace("${gpu:text}", VALUES["card"][0]) for heading in headings
    }
    room = PHONE - 4 * GAP - 2 * 16  # the arrow
    assert [heading for heading, text in longest.items() if lines_of(text, room, 16) > 2] == []


@pytest.mark.parametrize("board", DASHBOARDS)
def test_each_heading_fits_the_board(board: str) -> None:
    headings = [panel["title"] for panel in DASHBOARDS[board]["panels"] if panel["type"] == "row"]
    room = DESKTOP - 4 * GAP - width_of("n" * 40)  # for the name of the run
    assert [heading for heading in headings if width_of(heading) > room] == []
