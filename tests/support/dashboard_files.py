"""The committed dashboards, as Grafana reads them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))
}


@dataclass(frozen=True)
class PanelQuery:
    """A query and its place in a dashboard. *kind* is ``instant`` or ``range``."""

    board: str
    place: str
    name: str
    expr: str
    kind: str
    format: str

    def __str__(self) -> str:
        return f"{self.board}: {self.place}: {self.name}"

    def filled(self, **variables: str) -> str:
        """Return the query with Grafana's variables filled in."""
        expr = self.expr
        for name, value in variables.items():
            expr = re.sub(rf"\$({name}\b|\{{{name}\}})", value, expr)
        assert "$" not in re.sub(r'"[^"]*\$1"', "", expr), f"a variable is left in {expr}"
        return expr


def panels(board: str) -> Iterator[dict[str, Any]]:
    """Yield the panels of a dashboard, without its rows."""
    yield from (panel for panel in DASHBOARDS[board]["panels"] if panel["type"] != "row")


def everything(value: object) -> Iterator[tuple[str, Any]]:
    """Yield every key and its value, at any depth of a JSON value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key, part
            yield from everything(part)
    elif isinstance(value, list):
        for part in value:
            yield from everything(part)


def repeated(board: str) -> Iterator[str]:
    """Yield the titles of the panels in rows that Grafana repeats for each value of a variable."""
    repeats = False
    for panel in DASHBOARDS[board]["panels"]:
        if panel["type"] == "row":
            repeats = bool(panel.get("repeat"))
        elif repeats:
            yield panel["title"]


def panel_queries() -> Iterator[PanelQuery]:
    """Yield every query of every panel."""
    for board in DASHBOARDS:
        for panel in panels(board):
            for target in panel["targets"]:
                kind = "instant" if target.get("instant") else "range"
                yield PanelQuery(board, panel["title"], target["refId"], target["expr"], kind, target["format"])


def annotation_queries() -> Iterator[PanelQuery]:
    """Yield the query of every annotation."""
    for board, dashboard in DASHBOARDS.items():
        for annotation in dashboard["annotations"].get("list", []):
            if "expr" in annotation:
                yield PanelQuery(board, "annotation", annotation["name"], annotation["expr"], "range", "time_series")


def series_in(text: str) -> set[str]:
    """Return the names of this project's series in *text*."""
    return set(re.findall(r"\b(?:\w+:)?vae_\w+(?::\w+)?(?=[{\[ ]|$)", text))


of_each_board = pytest.mark.parametrize("board", DASHBOARDS)
of_each_panel = pytest.mark.parametrize(
    ("board", "panel"),
    [pytest.param(board, panel, id=f"{board}-{panel['title']}") for board in DASHBOARDS for panel in panels(board)],
)


def of_each(*kinds: str) -> pytest.MarkDecorator:
    """Run a test with each panel of one of *kinds*."""
    return pytest.mark.parametrize(
        "panel",
        [
            pytest.param(panel, id=f"{board}-{panel['title']}")
            for board in DASHBOARDS
            for panel in panels(board)
            if panel["type"] in kinds
        ],
    )
