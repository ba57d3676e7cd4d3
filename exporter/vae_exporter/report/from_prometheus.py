"""Fill a report from a Prometheus server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vae_exporter.report.contents import Alert, GpuMemory, Report
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.run_history import history_of
from vae_exporter.vocabulary import EDGE_PREFIX, NLL_PARTS, RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Series
    from vae_exporter.stack.run_history import RunHistory

_LOST = "lost: it disappeared without reporting its end"

_HELD = "run_gpu:vae_cuda_allocator:bytes"  # the sum over the ranks on a GPU
_LAYERS = {
    "used (driver)": ("vae_gpu_memory_used_bytes", ""),
    "reserved (torch)": (_HELD, ',kind="reserved",stat="current"'),
    "allocated, peak": (_HELD, ',kind="allocated",stat="peak"'),
    "allocated": (_HELD, ',kind="allocated",stat="current"'),
}


def read_report(prometheus_url: str, run: str | None = None) -> Report:
    """Query Prometheus for the report of *run*. None means the only run that the server has.

    Raises:
        AnswerError: The server does not answer.
        RunError: The server has no such run, or *run* is None and it has several.
    """
    history = history_of(Prometheus(prometheus_url), run)
    of_run = history.selector
    verdict = history.newest_labels("run:vae_verdict")
    return Report(
        run=history.run,
        source=f"Prometheus at {prometheus_url}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
        verdict=verdict.get("verdict"),
        reason=verdict.get("reason"),
        state=_state(history),
        nll=history.curve(f"max(run:vae_nll:mean{{{of_run}}})"),
        nll_noise=history.curve(f"max(run:vae_nll:short_mean{{{of_run}}})"),
        baseline=history.curve(f"max(run:vae_baseline:mean{{{of_run}}})"),
        edges=_edges(history),
        contributions={
            component: history.curve(f'max(run_component:vae_loss:contribution{{{of_run},component="{component}"}})')
            for component in NLL_PARTS
        },
        stages=_stages(history),
        alerts=_alerts(history),
        gpu_memory=_gpu_memory(history),
        outputs_url=history.newest_labels("vae_run_info").get("outputs_url", ""),
    )


def _edges(history: RunHistory) -> dict[str, float]:
    """Return the edges of the NLL, or none if the bands do not fit the run: they are then not drawn."""
    newest = max((one.points[-1][0] for one in history.range(f"run:vae_nll:mean{{{history.selector}}}")), default=0.0)
    unfit = history.range(f"run:vae_nll:bands_unfit{{{history.selector}}}")
    if any(series.points[-1][0] >= newest for series in unfit):
        return {}
    return {
        series.labels["__name__"].removeprefix(EDGE_PREFIX): series.points[-1][1]
        for series in history.range(f'{{__name__=~"{EDGE_PREFIX}.+",{history.selector}}}')
    }


def _stages(history: RunHistory) -> tuple[float, ...]:
    """Return the first step of each stage that was begun."""
    begun = history.range(f'run_change:vae_change:first_step{{{history.selector},change="stage"}}')
    return tuple(sorted({step for series in begun for _, step in series.points}))


def _state(history: RunHistory) -> str | None:
    code = history.server.value(f"max(run_rank:vae_run_state:code{{{history.selector}}})")
    if code is None:
        return None
    lost = history.server.value(f'max(ALERTS{{{history.selector},alertname="VaeExporterDown",alertstate="firing"}})')
    return _LOST if lost else next(state for state, known in RUN_STATES.items() if known == code)


def _alerts(history: RunHistory) -> tuple[Alert, ...]:
    """Return the alerts that fired, in the order in which they began."""
    texts = {
        _identity(alert["labels"]): alert["annotations"]
        for alert in history.server.alerts()
        if alert["state"] == "firing"
    }
    found = []
    # If the points are closer together than the rules' evaluations, an alert's last sample covers those in between.
    # If they are further apart, looking back by one step finds an alert that fired between two points.
    alerts = f'ALERTS{{{history.selector},alertstate="firing"}}'
    fired = f"{alerts} or last_over_time({alerts}[{history.step}s])"
    for series in history.range(fired):
        for begin, end in _stretches(series, history.step):
            end_step = history.step_at(end)
            firing = end >= history.end - 2 * history.step and _identity(series.labels) in texts
            text = texts[_identity(series.labels)] if firing else {}
            alert = Alert(
                name=series.labels["alertname"],
                severity=series.labels.get("severity", ""),
                step=history.step_at(begin),
                end_step=None if firing else history.first_step if end_step is None else end_step,
                summary=text.get("summary", ""),
                description=text.get("description", ""),
                runbook_url=text.get("runbook_url", ""),
            )
            found.append((begin, alert))
    return tuple(alert for _, alert in sorted(found, key=lambda one: one[0]))


def _identity(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in labels.items() if name not in ("__name__", "alertstate"))


def _stretches(series: Series, step: float) -> list[tuple[float, float]]:
    """Return the start and end of each contiguous part of *series*."""
    stretches: list[tuple[float, float]] = []
    for at, _ in series.points:
        if stretches and at - stretches[-1][1] < 1.5 * step:
            stretches[-1] = (stretches[-1][0], at)
        else:
            stretches.append((at, at))
    return stretches


def _gpu_memory(history: RunHistory) -> tuple[GpuMemory, ...]:
    totals = {
        series.labels.get("gpu", ""): series.points[-1][1]
        for series in history.range(f"max by (gpu) (vae_gpu_memory_total_bytes{{{history.selector}}})")
    }
    layers = {
        name: history.curves(f"max by (gpu) ({metric}{{{history.selector}{more}}})", "gpu")
        for name, (metric, more) in _LAYERS.items()
    }
    gpus = sorted({gpu for curves in layers.values() for gpu in curves})
    return tuple(
        GpuMemory(gpu, totals.get(gpu), {name: curves[gpu] for name, curves in layers.items() if curves.get(gpu)})
        for gpu in gpus
    )
