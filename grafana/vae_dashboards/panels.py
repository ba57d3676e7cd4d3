"""The kinds of panels. Each has a title, a description, a unit, and a text to show without data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    stat,
    statetimeline,
    table,
    timeseries,
    xychart,
)
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import xychart as xy
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    MatcherConfig,
)

from vae_dashboards.looks import legend_below, plain, properties
from vae_dashboards.queries import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.builders.prometheus import Dataquery
    from grafana_foundation_sdk.models.dashboard import ValueMapping

    from vae_dashboards.queries import Query

RUNBOOKS = "https://github.com/vae-exporter/vae-exporter/blob/main/docs/runbooks"

STEP = "step"
"""The name of the query for the step, in a panel over steps."""


@dataclass(frozen=True)
class Words:
    """The texts of a panel: its title, how to read it, and what to do if it has no data."""

    title: str
    description: str
    no_data: str


class _Panel(Protocol):
    """The methods that the builders of all kinds of panels share."""

    def title(self, title: str) -> Any: ...  # noqa: ANN401 - the builder itself
    def description(self, description: str) -> Any: ...  # noqa: ANN401
    def no_value(self, no_value: str) -> Any: ...  # noqa: ANN401
    def datasource(self, datasource: DataSourceRef) -> Any: ...  # noqa: ANN401
    def unit(self, unit: str) -> Any: ...  # noqa: ANN401
    def span(self, w: int) -> Any: ...  # noqa: ANN401
    def height(self, h: int) -> Any: ...  # noqa: ANN401
    def with_target(self, target: Dataquery) -> Any: ...  # noqa: ANN401


_P = TypeVar("_P", bound=_Panel)


def _framed(panel: _P, words: Words, unit: str, size: tuple[int, int]) -> _P:
    panel.title(words.title).description(words.description).no_value(words.no_data)
    panel.datasource(DATASOURCE).unit(unit).span(size[0]).height(size[1])
    return panel


def curves(
    words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (12, 8), *, legend: bool = True
) -> timeseries.Panel:
    """Draw lines over time."""
    panel = _framed(timeseries.Panel(), words, unit, size)
    for query in queries:
        panel.with_target(query.over_time())
    return (
        panel.line_width(2)
        .fill_opacity(0)
        .show_points(options.VisibilityMode.AUTO)
        .span_nulls(False)  # noqa: FBT003 - the SDK's signature
        .color_scheme(dashboards.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(legend_below(shown=legend))
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.NONE))
    )


def stacked(words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (12, 8)) -> timeseries.Panel:
    """Draw series that add up as stacked areas."""
    return (
        curves(words, unit, queries, size)
        .fill_opacity(45)
        .line_width(1)
        .stacking(common.StackingConfig().mode(options.StackingMode.NORMAL).group("parts"))
    )


def number(  # noqa: PLR0913 - the parts of a panel
    words: Words,
    unit: str,
    query: Query,
    meaning: ValueMapping | None = None,
    size: tuple[int, int] = (4, 4),
    *,
    decimals: int | None = None,
) -> stat.Panel:
    """Show the latest value in large type, or the text and color that *meaning* maps it to."""
    panel = _framed(stat.Panel(), words, unit, size)
    panel.with_target(query.over_time())
    panel.color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(plain())
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
    panel.graph_mode(options.BigValueGraphMode.NONE).text_mode(options.BigValueTextMode.AUTO)
    if decimals is not None:
        panel.decimals(decimals)
    if meaning is None:
        return panel.color_mode(options.BigValueColorMode.NONE)
    return panel.mappings([meaning]).color_mode(options.BigValueColorMode.BACKGROUND_SOLID)


def states(
    words: Words, meaning: ValueMapping, queries: Sequence[Query], size: tuple[int, int] = (24, 4)
) -> statetimeline.Panel:
    """Show states over time, with the text and color of each."""
    panel = _framed(statetimeline.Panel(), words, "none", size)
    for query in queries:
        panel.with_target(query.over_time())
    return (
        panel.mappings([meaning])
        .color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(plain())
        .show_value(options.VisibilityMode.AUTO)
        .merge_values(True)  # noqa: FBT003 - the SDK's signature
        .row_height(0.85)
        .legend(legend_below(shown=False))
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.SINGLE).sort(options.SortOrder.NONE))
    )


def gauges(words: Words, queries: Sequence[Query], size: tuple[int, int] = (12, 8)) -> bargauge.Panel:
    """Show ratios from 0 to 1 as bars, labeled with their values."""
    panel = _framed(bargauge.Panel(), words, "percentunit", size)
    for query in queries:
        panel.with_target(query.over_time())
    return (
        panel.min(0)
        .max(1)
        .decimals(1)
        .color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(plain("blue"))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .value_mode(options.BarGaugeValueMode.TEXT)
    )


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
    cell: options.TableCellOptions | None = None

    def properties(self) -> list[DynamicConfigValue]:
        """Return the field overrides for this column."""
        found: list[tuple[str, object]] = [("displayName", self.title), ("unit", self.unit)]
        if self.meaning is not None:
            found.append(("mappings", [self.meaning]))
        if self.colored:
            found.append(("custom.cellOptions", options.TableColoredBackgroundCellOptions()))
        if self.cell is not None:
            found.append(("custom.cellOptions", self.cell))
        if self.link is not None:
            text, url = self.link
            found.append(("links", [link(text, url)]))
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        if self.width is not None:
            found.append(("custom.width", self.width))
        return [DynamicConfigValue(id_val=name, value=value) for name, value in found]


def rows(
    words: Words, queries: Sequence[Query], columns: Sequence[Column], size: tuple[int, int] = (12, 4)
) -> table.Panel:
    """Show the latest values in a table, with one row for each series."""
    panel = _framed(table.Panel(), words, "none", size)
    for query in queries:
        panel.with_target(query.now())
    panel.color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(plain())
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


def by_step(
    words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (24, 10), label: str = "run"
) -> xychart.Panel:
    """Draw lines over steps. The query named *STEP* is the x axis of the others.

    Rows of all queries are merged by time and run, and then split by run. So each query must return one series for
    each run, without other labels.
    """
    panel = _framed(xychart.Panel(), words, unit, size)
    for query in queries:
        panel.with_target(query.rows_over_time())
        if query.name != STEP:
            panel.override_by_name(f"Value #{query.name}", properties({"displayName": f"${{__field.labels.{label}}}"}))
    linear = {"type": "linear"}  # without this, the scale of the panel applies to both axes
    step: dict[str, object] = {"unit": "none", "custom.axisLabel": "step", "custom.scaleDistribution": linear}
    panel.override_by_name(f"Value #{STEP}", properties(step))
    return (
        panel.transformations(
            [
                DataTransformerConfig(id_val="merge", options={}),
                DataTransformerConfig(
                    id_val="partitionByValues",
                    options={"fields": [label], "keepFields": False, "naming": {"asLabels": True}},
                ),
            ]
        )
        .mapping(xy.SeriesMapping.AUTO)
        .series([_over_step()])
        .show(xy.XYShowMode.LINES)
        .line_width(2)
        .color_scheme(dashboards.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(legend_below(shown=True))
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.SINGLE).sort(options.SortOrder.NONE))
    )


def link(title: str, url: str) -> DashboardLink:
    """Link a value to *url*."""
    return DashboardLink(title=title, url=url, type_val=DashboardLinkType.LINK, target_blank=url.startswith("http"))


def of_query(name: str) -> MatcherConfig:
    """Match the result of the query *name*."""
    return MatcherConfig(id_val="byRefId", options=name)


def _over_step() -> xychart.XYSeriesConfig:
    step = xychart.MatcherConfig().id("byName").options(f"Value #{STEP}")
    return xychart.XYSeriesConfig().x(xychart.XychartXYSeriesConfigX().matcher(step))
