"""The kinds of panels. Each has a title, a description, a unit, and a text on what would fill it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    stat,
    statetimeline,
    timeseries,
    trend,
)
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    FieldColorModeId,
)

from vae_dashboards.looks import legend_below, plain
from vae_dashboards.queries import DATASOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grafana_foundation_sdk.builders.prometheus import Dataquery
    from grafana_foundation_sdk.models.dashboard import ValueMapping

    from vae_dashboards.queries import Query

RUNBOOKS = "https://github.com/vae-exporter/vae-exporter/blob/main/docs/runbooks"

SCIENTIFIC = "sci"
"""The unit of a learning rate: with another one, Grafana's axis calls 0.00002 and 0.00001 the same."""

EMPTY = "\N{EN DASH}"
"""What an empty cell or tile shows."""

TEXT_SIZE = 16
"""The size of a sentence, in pixels."""


@dataclass(frozen=True)
class Words:
    """The texts of a panel: its title, how to read it, and what to do if it has no data.

    A panel of curves or states has *no_data* in its description. Others show it in place of the data.
    """

    title: str
    description: str
    no_data: str


class _Panel(Protocol):
    """The methods that the builders of all kinds of panels share."""

    def title(self, title: str) -> Any: ...  # noqa: ANN401 - the builder itself
    def description(self, description: str) -> Any: ...  # noqa: ANN401
    def datasource(self, datasource: DataSourceRef) -> Any: ...  # noqa: ANN401
    def unit(self, unit: str) -> Any: ...  # noqa: ANN401
    def span(self, w: int) -> Any: ...  # noqa: ANN401
    def height(self, h: int) -> Any: ...  # noqa: ANN401
    def with_target(self, target: Dataquery) -> Any: ...  # noqa: ANN401


class _PanelOfValues(_Panel, Protocol):
    def no_value(self, no_value: str) -> Any: ...  # noqa: ANN401


_P = TypeVar("_P", bound=_Panel)
_C = TypeVar("_C", timeseries.Panel, trend.Panel)
_V = TypeVar("_V", bound=_PanelOfValues)


def _framed(panel: _P, words: Words, unit: str, size: tuple[int, int]) -> _P:
    panel.title(words.title).description(words.description)
    panel.datasource(DATASOURCE).unit(unit).span(size[0]).height(size[1])
    return panel


def of_values(panel: _V, words: Words, unit: str, size: tuple[int, int]) -> _V:
    """Frame a panel that shows its no-data text in place of the data."""
    _framed(panel, words, unit, size).no_value(words.no_data)
    return panel


def of_curves(panel: _P, words: Words, unit: str, size: tuple[int, int]) -> _P:
    """Frame a panel of curves or states. Its description says what to do without data.

    A log axis would print a no-data text at each tick without a label, and a state timeline would list it as a state.
    """
    return _framed(panel, replace(words, description=f"{words.description} No data? {words.no_data}"), unit, size)


def curves(words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (12, 8)) -> timeseries.Panel:
    """Draw lines over time. A panel of one line has no legend, because its title names the line."""
    panel = of_curves(timeseries.Panel(), words, unit, size)
    for query in queries:
        panel.with_target(query.over_time())
    single = len(queries) == 1 and "{{" not in queries[0].legend
    return lines(panel).legend(legend_below(shown=not single))


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
    meaning: Sequence[ValueMapping] = (),
    size: tuple[int, int] = (4, 4),
    *,
    decimals: int | None = None,
    is_current: bool = False,
) -> stat.Panel:
    """Show the latest value in large type, or the text and color that *meaning* maps it to.

    If it *is_current*, an older value does not stand in for one that is missing at the end of the time range.
    """
    panel = of_values(stat.Panel(), words, unit, size)
    panel.with_target(query.at_end() if is_current else query.over_time())
    panel.color_scheme(dashboards.FieldColor().mode(FieldColorModeId.THRESHOLDS)).thresholds(plain())
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))  # noqa: FBT003
    panel.graph_mode(options.BigValueGraphMode.NONE).text_mode(options.BigValueTextMode.AUTO)
    if decimals is not None:
        panel.decimals(decimals)
    if not meaning:
        return panel.color_mode(options.BigValueColorMode.NONE)
    return panel.mappings(list(meaning)).color_mode(options.BigValueColorMode.BACKGROUND_SOLID)


def sentence(words: Words, query: Query, label: str, meaning: ValueMapping, size: tuple[int, int]) -> stat.Panel:
    """Show the text that *meaning* maps the *label* of the latest series to, in as many lines as it needs.

    A table would cut it on a phone: its cells do not wrap before Grafana 11.1.
    """
    panel = of_values(stat.Panel(), words, "none", size)
    panel.with_target(query.now()).mappings([meaning])
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(f"/^{label}$/"))  # noqa: FBT003
    panel.graph_mode(options.BigValueGraphMode.NONE).text_mode(options.BigValueTextMode.VALUE)
    return panel.color_mode(options.BigValueColorMode.NONE).text(common.VizTextDisplayOptions().value_size(TEXT_SIZE))


def states(
    words: Words, meaning: Sequence[ValueMapping], queries: Sequence[Query], size: tuple[int, int] = (24, 4)
) -> statetimeline.Panel:
    """Show states over time, with the text and color of each. The legend has the texts that do not fit a short state.

    The color scheme is not by thresholds: with merged values, those replace the text of a state by their own range.
    """
    panel = of_curves(statetimeline.Panel(), words, "none", size)
    for query in queries:
        panel.with_target(query.over_time())
    return (
        panel.mappings(list(meaning))
        .color_scheme(dashboards.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .show_value(options.VisibilityMode.AUTO)
        .merge_values(True)  # noqa: FBT003 - the SDK's signature
        .row_height(0.85)
        .legend(legend_below(shown=True))
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.SINGLE).sort(options.SortOrder.NONE))
    )


def gauges(words: Words, queries: Sequence[Query], size: tuple[int, int] = (12, 8)) -> bargauge.Panel:
    """Show ratios from 0 to 1 as bars, labeled with their values."""
    panel = of_values(bargauge.Panel(), words, "percentunit", size)
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


def lines(panel: _C) -> _C:
    """Style a panel of lines."""
    panel.line_width(2).fill_opacity(0).show_points(options.VisibilityMode.AUTO)
    panel.span_nulls(False)  # noqa: FBT003 - the SDK's signature
    panel.color_scheme(dashboards.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
    panel.legend(legend_below(shown=True))
    panel.tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.NONE))
    return panel


def link(title: str, url: str) -> DashboardLink:
    """Link a value to *url*."""
    return DashboardLink(title=title, url=url, type_val=DashboardLinkType.LINK, target_blank=url.startswith("http"))
