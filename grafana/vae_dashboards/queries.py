"""Queries and selectors for the runs, ranks and GPUs that are selected on the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that is selected on the dashboard."""

ALL = "A"
"""The default name of a query, for panels that have only one."""


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    *name* is its refId, which columns and overrides refer to. *legend* is the legend format of its series.
    """

    expr: str
    legend: str = ""
    name: str = ALL

    def over_time(self) -> prometheus.Dataquery:
        """Return a range query, as time series."""
        return self._query().range().legend_format(self.legend).format(PromQueryFormat.TIME_SERIES)

    def now(self) -> prometheus.Dataquery:
        """Return an instant query, as a table with a column for each label."""
        return self._query().instant().format(PromQueryFormat.TABLE)

    def rows_over_time(self) -> prometheus.Dataquery:
        """Return a range query, as a table with a column for each label, ready to join."""
        return self._query().range().format(PromQueryFormat.TABLE)

    def _query(self) -> prometheus.Dataquery:
        return prometheus.Dataquery().ref_id(self.name).expr(self.expr).datasource(DATASOURCE)


def of_run(series: str, **labels: str) -> str:
    """Select *series* of the selected runs that also match *labels*."""
    return _select(series, 'run=~"$run"', **labels)


def of_rank(series: str, **labels: str) -> str:
    """Select *series* of the selected ranks of the selected runs."""
    return _select(series, 'run=~"$run"', 'rank=~"$rank"', **labels)


def of_any_run(series: str, **labels: str) -> str:
    """Select *series* of all runs."""
    return _select(series, 'run!=""', **labels)


def of_gpu(series: str, **labels: str) -> str:
    """Select *series* of the selected GPUs, for any selected run."""
    return _select(series, 'gpu=~"$gpu"', 'run=~"$run"', **labels)


def held(kind: str, stat: str, select: str = 'gpu=~"$gpu",run=~"$run"', by: str = "gpu") -> str:
    """Return the bytes that torch holds on each GPU, summed over the ranks that share it."""
    return f"sum by ({by}) ({_select('run_gpu:vae_cuda_allocator:bytes', select, kind=kind, stat=stat)})"


def edge(name: str, signal: str = "nll", select: str = 'run=~"$run"') -> str:
    """Return a band edge of each run."""
    return f"max by (run) ({_select(f'run:vae_{signal}:edge_{name}', select)})"


def _select(series: str, *matchers: str, **labels: str) -> str:
    more = (
        f'{label}=~"{value[2:]}"' if value.startswith("=~") else f'{label}="{value}"' for label, value in labels.items()
    )
    return f"{series}{{{','.join([*matchers, *more])}}}"
