"""Tables: their columns, and the transformations that join and select them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
)

from vae_dashboards.board import leads_to
from vae_dashboards.looks import colored, plain, properties
from vae_dashboards.panels import EMPTY, link, of_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.models.dashboard import ValueMapping

    from vae_dashboards.panels import Words
    from vae_dashboards.queries import Query


@dataclass(frozen=True)
class Column:
    """A column of a table. *field* is a label, or ``Value #`` followed by the name of a query."""

    field: str
    title: str
    unit: str = "none"
    meaning: ValueMapping | None = None
    colored: bool = False
    link: tuple[str, str] | None = None  # its text and URL
    decimals: int | None = None
    width: int | None = None
    least_width: int | None = None  # of a column without a width
    cell: options.TableCellOptions | None = None

    def properties(self) -> list[DynamicConfigValue]:
        """Return the field overrides for this column."""
        found: list[tuple[str, object]] = [("displayName", self.title), ("unit", self.unit)]
        if self.meaning is not None:
            found += [("mappings", [self.meaning]), ("custom.align", options.FieldTextAlignment.LEFT)]
        if self.colored:
            found.append(("custom.cellOptions", colored()))
        if self.cell is not None:
            found.append(("custom.cellOptions", self.cell))
        if self.link is not None:
            text, url = self.link
            found.append(("links", [link(text, url)]))
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        if self.width is not None:
            found.append(("custom.width", self.width))
        if self.least_width is not None:
            found.append(("custom.minWidth", self.least_width))
        return [DynamicConfigValue(id_val=name, value=value) for name, value in found]


NAME_WIDTH = 230
"""The least width of a column with the names of runs."""

RUN = Column(
    "run",
    "Run",
    link=("Open this run", leads_to("vae-run", ("run", "${__value.raw:percentencode}"))),
    least_width=NAME_WIDTH,
)


def rows(
    words: Words, queries: Sequence[Query], columns: Sequence[Column], size: tuple[int, int] = (12, 4)
) -> table.Panel:
    """Show the latest values in a table, with one row for each series."""
    panel = of_values(table.Panel(), words, "none", size)
    for query in queries:
        panel.with_target(query.now())
    panel.color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(plain("transparent"))
    panel.override_by_regexp("/.*/", properties({"noValue": EMPTY}))
    for column in columns:
        panel.override_by_name(column.field, column.properties())
    return panel.cell_height(options.TableCellHeight.MD)


def only(columns: Sequence[Column]) -> list[DataTransformerConfig]:
    """Keep only *columns*, in this order."""
    names = [column.field for column in columns]
    return [
        DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": names}}),
        DataTransformerConfig(
            id_val="organize", options={"indexByName": {name: index for index, name in enumerate(names)}}
        ),
    ]


def joined(label: str) -> list[DataTransformerConfig]:
    """Join the results of several queries into one table, by a label that all of them have."""
    return [
        DataTransformerConfig(id_val="filterFieldsByName", options={"exclude": {"pattern": "^Time"}}),
        DataTransformerConfig(id_val="joinByField", options={"byField": label, "mode": "outer"}),
    ]


def of_query(name: str) -> MatcherConfig:
    """Match the result of the query *name*."""
    return MatcherConfig(id_val="byRefId", options=name)
