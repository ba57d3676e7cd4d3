"""Panels over steps instead of time: of one run, and of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, trend, xychart
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import xychart as xy
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, FieldColorModeId

from vae_dashboards.looks import dashed, fixed, legend_below, properties
from vae_dashboards.panels import lines, of_curves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_dashboards.panels import Words
    from vae_dashboards.queries import Query

STEP = "step"
"""The name of the query for the step, in a panel over steps."""


@dataclass(frozen=True)
class Edge:
    """An edge of each run, drawn over steps as a thin dashed line."""

    query: Query
    color: str


def by_step(  # noqa: PLR0913 - the parts of a panel
    words: Words,
    unit: str,
    queries: Sequence[Query],
    size: tuple[int, int] = (24, 10),
    label: str = "run",
    *,
    edges: Sequence[Edge] = (),
) -> xychart.Panel:
    """Draw lines over steps. The query named *STEP* is the x axis of the others.

    Rows of all queries are merged by time and run, and then split by run. So each query must return one series for
    each run, without other labels.
    """
    panel = of_curves(xychart.Panel(), words, unit, size)
    unlisted: dict[str, object] = {"custom.hideFrom": {"legend": True, "tooltip": True, "viz": False}}
    for query in queries:
        panel.with_target(query.rows_over_time())
        if query.name != STEP:
            panel.override_by_name(f"Value #{query.name}", properties({"displayName": f"${{__field.labels.{label}}}"}))
    for edge in edges:
        panel.with_target(edge.query.rows_over_time())
        panel.override_by_name(f"Value #{edge.query.name}", [*properties(unlisted), *dashed(1), fixed(edge.color)])
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


def _over_step() -> xychart.XYSeriesConfig:
    step = xychart.MatcherConfig().id("byName").options(f"Value #{STEP}")
    return xychart.XYSeriesConfig().x(xychart.XychartXYSeriesConfigX().matcher(step))


def along_step(words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (24, 10)) -> trend.Panel:
    """Draw the lines and areas of one run over its steps. The query named *STEP* is the x axis, and must ascend.

    Each query must return at most one series. Times without a step are left out.
    """
    panel = of_curves(trend.Panel(), words, unit, size)
    for query in queries:
        panel.with_target(query.over_time())
    has_step = {"fieldName": STEP, "config": {"id": "isNotNull", "options": {}}}
    panel.transformations(
        [
            DataTransformerConfig(id_val="joinByField", options={"byField": "Time", "mode": "outer"}),
            DataTransformerConfig(
                id_val="filterByValue", options={"filters": [has_step], "type": "include", "match": "all"}
            ),
        ]
    )
    linear = {"type": "linear"}  # without this, the scale of the panel applies to both axes
    panel.override_by_name(STEP, properties({"custom.scaleDistribution": linear, "decimals": 0}))
    return lines(panel.x_field(STEP))
