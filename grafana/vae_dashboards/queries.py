"""How a series is asked for: of the runs and ranks that are chosen above the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that is chosen above the dashboard."""

ALL = "A"
"""The name of a query where a panel has one alone."""


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    *name* is its refId, by which a column or an override finds it; *legend* names its series.
    """

    expr: str
    legend: str = ""
    name: str = ALL

    def over_time(self) -> prometheus.Dataquery:
        """Ask for the whole time that the dashboard shows, as series."""
        return self._query().range().legend_format(self.legend).format(PromQueryFormat.TIME_SERIES)

    def now(self) -> prometheus.Dataquery:
        """Ask for the newest values, as rows with a column for each label."""
        return self._query().instant().format(PromQueryFormat.TABLE)

    def rows_over_time(self) -> prometheus.Dataquery:
        """Ask for the whole time, as rows with a column for each label: what is to be joined."""
        return self._query().range().format(PromQueryFormat.TABLE)

    def _query(self) -> prometheus.Dataquery:
        return prometheus.Dataquery().ref_id(self.name).expr(self.expr).datasource(DATASOURCE)


def of_run(series: str, **labels: str) -> str:
    """Select *series* of the chosen runs, with these *labels* on top."""
    return _select(series, 'run=~"$run"', **labels)


def of_rank(series: str, **labels: str) -> str:
    """Select *series* of the chosen ranks of the chosen runs."""
    return _select(series, 'run=~"$run"', 'rank=~"$rank"', **labels)


def of_any_run(series: str, **labels: str) -> str:
    """Select *series* of all runs."""
    return _select(series, 'run!=""', **labels)


def of_gpu(series: str, **labels: str) -> str:
    """Select *series* of the chosen cards, of whichever of the chosen runs uses them."""
    return _select(series, 'gpu=~"$gpu"', 'run=~"$run"', **labels)


def held(kind: str, stat: str, select: str = 'gpu=~"$gpu",run=~"$run"', by: str = "gpu") -> str:
    """Give what torch holds of each card: what ranks hold that share one adds up."""
    return f"sum by ({by}) ({_select('run_gpu:vae_cuda_allocator:bytes', select, kind=kind, stat=stat)})"


def edge(name: str, signal: str = "nll", select: str = 'run=~"$run"') -> str:
    """Give the edge of a band, one a run."""
    return f"max by (run) ({_select(f'run:vae_{signal}:edge_{name}', select)})"


def per(counter: str, other: str, by: str = "run") -> str:
    """Give how much *counter* grows for each one of *other*: both are counters of the chosen ranks."""
    return f"{_growth(counter, by)} / {_growth(other, by)}"


def _growth(counter: str, by: str) -> str:
    return f"sum by ({by}) (rate({of_rank(counter)}[$__rate_interval]))"


def _select(series: str, *matchers: str, **labels: str) -> str:
    more = (
        f'{label}=~"{value[2:]}"' if value.startswith("=~") else f'{label}="{value}"' for label, value in labels.items()
    )
    return f"{series}{{{','.join([*matchers, *more])}}}"
