"""Panels over steps instead of time: of one run, and of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import trend
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from vae_dashboards.looks import dashed, fixed, properties
from vae_dashboards.panels import lines, of_curves
from vae_dashboards.queries import Query, of_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_dashboards.panels import Words

STEP = "step"
"""The name of the query for the step, in a panel over steps."""


@dataclass(frozen=True)
class Edge:
    """An edge of each run, drawn over steps as a thin dashed line. Its *query* has the name of the edge."""

    query: Query
    color: str


_STEP = f"min by (run) (last_over_time({of_run('run:vae_step:max')}[$__interval]))"
"""A sample is used only once, so that a missing one does not repeat the step before it."""

_ASCENDING_STEP = (
    f"{_STEP} unless {_STEP}"
    f" >= min by (run) (min_over_time({of_run('run:vae_step:max')}[$__range] offset -${{__range_s}}s1ms))"
)
"""The lowest step that was not trained again later: after a resume that goes back, the newer values count.

It ascends strictly, as the x axis must.
"""


_WITHOUT_TIME = DataTransformerConfig(id_val="filterFieldsByName", options={"exclude": {"pattern": "^Time$"}})
"""Otherwise Grafana draws over the time, and the step as one of the lines."""


def of_runs_by_step(
    words: Words, unit: str, query: Query, size: tuple[int, int] = (24, 10), *, edges: Sequence[Edge] = ()
) -> trend.Panel:
    """Draw *query* over the steps of each run. It and the edges must return one series for each run.

    Grafana colors lines by their place. The edges are lines of their own, after those of all runs, so that a run has
    the same color in each panel.
    """
    table = f"Value #{STEP}"
    panel = of_curves(trend.Panel(), words, unit, size)
    steps = " or ".join([_ASCENDING_STEP, *(_of_edge(edge, _STEP) for edge in edges)])
    values = " or ".join([query.expr, *(_of_edge(edge, edge.query.expr) for edge in edges)])
    for one in (Query(steps, name=STEP), Query(values, name=query.name)):
        panel.with_target(one.rows_over_time())
    panel.transformations(
        [
            DataTransformerConfig(id_val="merge", options={}),
            _with(table),
            _WITHOUT_TIME,
            DataTransformerConfig(
                id_val="partitionByValues",
                options={"fields": ["run"], "keepFields": False, "naming": {"asLabels": True}},
            ),
            _joined_by(table),
        ]
    )
    panel.override_by_name(f"Value #{query.name}", properties({"displayName": "${__field.labels.run}"}))
    unlisted: dict[str, object] = {"custom.hideFrom": {"legend": True, "tooltip": True, "viz": False}}
    for edge in edges:
        panel.override_by_regexp(f"/{_named(edge)}/", [*properties(unlisted), *dashed(1), fixed(edge.color)])
    return _over(panel, table)


def _of_edge(edge: Edge, expr: str) -> str:
    """Return *expr*, a query by run, as if the edge were a run. Its name comes after those of the runs."""
    return f'label_replace({expr}, "run", "{_named(edge)}$1", "run", "(.*)")'


def _named(edge: Edge) -> str:
    return f"~ {edge.query.name} of "


def of_run_by_step(words: Words, unit: str, queries: Sequence[Query], size: tuple[int, int] = (24, 10)) -> trend.Panel:
    """Draw the lines and areas of one run over its steps. Each query must return at most one series."""
    panel = of_curves(trend.Panel(), words, unit, size)
    for query in (Query(_ASCENDING_STEP, STEP, STEP), *queries):
        panel.with_target(query.over_time())
    return _over(panel.transformations([_joined_by("Time"), _with(STEP), _WITHOUT_TIME]), STEP)


def _joined_by(field: str) -> DataTransformerConfig:
    return DataTransformerConfig(id_val="joinByField", options={"byField": field, "mode": "outer"})


def _with(step: str) -> DataTransformerConfig:
    """Leave out the times that have no step."""
    has_step = {"fieldName": step, "config": {"id": "isNotNull", "options": {}}}
    return DataTransformerConfig(
        id_val="filterByValue", options={"filters": [has_step], "type": "include", "match": "all"}
    )


def _over(panel: trend.Panel, step: str) -> trend.Panel:
    """Draw lines over the field *step*. Without a scale of its own, it would have that of the panel."""
    panel.override_by_name(
        step, properties({"custom.scaleDistribution": {"type": "linear"}, "decimals": 0, "unit": "none"})
    )
    return lines(panel.x_field(step))
