"""Queries and selectors for the runs, ranks and GPUs that are selected on the dashboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

if TYPE_CHECKING:
    from collections.abc import Callable

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""The data source that is selected on the dashboard."""

LONG_WINDOW = "long"
"""The label ``window`` of the means that the rules judge."""

OF_GPU = 'gpu=~"$gpu",run=~"$run"'
"""Selects the selected GPUs of the selected runs."""

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

    def at_end(self) -> prometheus.Dataquery:
        """Return an instant query at the end of the time range, as time series."""
        return self._query().instant().legend_format(self.legend).format(PromQueryFormat.TIME_SERIES)

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


def one_curve(series: str) -> str:
    """Return *series* of the selected run and, before it begins, of the run that it resumes under another name."""
    before = 'run=~"$before"'
    link = _select("run:vae_run:successor", before, 'successor=~"$run"')
    resumed = f"{_select(series, before)} and on (run) last_over_time({link}[$__range] @ end())"
    return f"max({of_run(series)}) or max({resumed})"


def of_rank(series: str, **labels: str) -> str:
    """Select *series* of the selected ranks of the selected runs."""
    return _select(series, 'run=~"$run"', 'rank=~"$rank"', **labels)


def of_any_run(series: str, **labels: str) -> str:
    """Select *series* of all runs."""
    return _select(series, 'run!=""', **labels)


def of_gpu(series: str, **labels: str) -> str:
    """Select *series* of the selected GPUs, for any selected run."""
    return _select(series, OF_GPU, **labels)


def gpu_names(info: str) -> str:
    """Return a query for the name of each GPU, in the label ``card``. *info* is a query for its ``vae_gpu_info``.

    The name is the host, the index and the first eight digits of the UUID, because nobody can read a whole UUID.
    """
    host = f'label_replace({info}, "host", "$1", "instance", "(.*?)(:[0-9]+)?")'
    digits = f'label_replace({host}, "digits", "$1", "gpu", "(?:GPU-|MIG-)?(.{{8}}).*")'
    return f'max by (gpu, card) (label_join({digits}, "card", " ", "host", "index", "digits"))'


def with_card(expr: str) -> str:
    """Return *expr*, a query by GPU, with the label ``card``. If a GPU has several names, one of them is used."""
    return f"({expr}) * on (gpu) group_left (card) topk by (gpu) (1, {gpu_names(of_gpu('vae_gpu_info'))})"


def held(kind: str, stat: str, select: str = OF_GPU, by: str = "gpu") -> str:
    """Return the bytes that torch holds on each GPU, summed over the ranks that share it."""
    return f"sum by ({by}) ({_select('run_gpu:vae_cuda_allocator:bytes', select, kind=kind, stat=stat)})"


def edge(name: str, signal: str = "nll", select: str = 'run=~"$run"') -> str:
    """Return a band edge of each run."""
    return f"max by (run) ({_select(f'run:vae_{signal}:edge_{name}', select)})"


def band_edge(name: str) -> str:
    """Return an edge of the NLL's bands for each run whose bands fit."""
    return f"{edge(name)} unless on (run) {of_run('run:vae_nll:bands_unfit')}"


def or_none(expr: str, label: str, present: str = 'run_rank:vae_run_state:code{run=~"$run"}') -> str:
    """Return *expr*, or 0 with the *label* "none" for as long as it is empty and *present* is not.

    Grafana calls a state timeline without data broken.
    """
    return f'{expr} or label_replace(0 * group ({present}) unless on () ({expr}), "{label}", "none", "", "")'


def window_mean(component: str, select: Callable[..., str] = of_run) -> str:
    """Select the mean of the last 100 steps of *component*."""
    return select("vae_loss_window_mean", component=component, window=LONG_WINDOW, lag="0")


def _select(series: str, *matchers: str, **labels: str) -> str:
    more = (
        f'{label}=~"{value[2:]}"' if value.startswith("=~") else f'{label}="{value}"' for label, value in labels.items()
    )
    return f"{series}{{{','.join([*matchers, *more])}}}"
