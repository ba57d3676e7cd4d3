"""Fill a report from a Prometheus server."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.errors import VaeExporterError
from vae_exporter.report.contents import Alert, Curve, GpuMemory, Report
from vae_exporter.stack.client import Prometheus, Series
from vae_exporter.stack.promql import promql_string
from vae_exporter.vocabulary import EDGE_PREFIX, NLL_PARTS, RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

POINTS = 1000
"""The most points of a curve, about as many as the page has pixels."""

_LOOK_BACK = "30d"  # how long ago the last step of a run may be
_AFTERMATH_SECONDS = 900.0  # the report extends this far past the last step, because alerts about the end fire later
_FINEST_SECONDS = 1

_LOST = "lost: it disappeared without reporting that it ended"

_HELD = "run_gpu:vae_cuda_allocator:bytes"  # the sum over the ranks on a GPU
_LAYERS = {
    "used (driver)": ("vae_gpu_memory_used_bytes", ""),
    "reserved (torch)": (_HELD, ',kind="reserved",stat="current"'),
    "allocated, peak": (_HELD, ',kind="allocated",stat="peak"'),
    "allocated": (_HELD, ',kind="allocated",stat="current"'),
}


class ReportError(VaeExporterError):
    """There is no such run to report on. The message lists the runs that there are."""


@dataclass(frozen=True)
class _Window:
    """The time range of a run on a server, in Unix seconds."""

    server: Prometheus
    start: float
    end: float

    @property
    def step(self) -> int:
        return max(math.ceil((self.end - self.start) / POINTS), _FINEST_SECONDS)

    def range(self, query: str) -> list[Series]:
        # Prometheus places points from the start. Shift the start so that the last point is at the end.
        start = self.end - self.step * math.ceil((self.end - self.start) / self.step)
        return self.server.query_range(query, start=start, end=self.end, step=self.step)


def read_report(prometheus_url: str, run: str | None = None) -> Report:
    """Query Prometheus for the report of *run*. None means the only run that the server has.

    Raises:
        AnswerError: The server does not answer.
        ReportError: The server has no such run, or *run* is None and it has several.
    """
    server = Prometheus(prometheus_url)
    name = _known_run(server, run)
    of_run = promql_string(name)
    window = _window(server, of_run)
    by_step = _StepsByTime(window, of_run)
    verdict = _newest(window.range(f"run:vae_verdict{{run={of_run}}}"))
    return Report(
        run=name,
        source=f"Prometheus at {prometheus_url}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}",
        verdict=verdict.get("verdict"),
        reason=verdict.get("reason"),
        state=_state(server, of_run),
        nll=by_step.curve(f"max(run:vae_nll:mean{{run={of_run}}})"),
        nll_noise=by_step.curve(f"max(run:vae_nll:short_mean{{run={of_run}}})"),
        edges={
            series.labels["__name__"].removeprefix(EDGE_PREFIX): series.points[-1][1]
            for series in window.range(f'{{__name__=~"{EDGE_PREFIX}.+",run={of_run}}}')
        },
        contributions={
            component: by_step.curve(
                f'max(run_component:vae_loss:contribution{{run={of_run},component="{component}"}})'
            )
            for component in NLL_PARTS
        },
        alerts=_alerts(window, of_run, by_step),
        gpu_memory=_gpu_memory(window, of_run, by_step),
        outputs_url=_newest(window.range(f"vae_run_info{{run={of_run}}}")).get("outputs_url", ""),
    )


class _StepsByTime:
    """The run's steps by time. The rules record them in the same group as the NLL, so their timestamps match."""

    def __init__(self, window: _Window, of_run: str) -> None:
        self._window = window
        found = window.range(f"max(run_rank:vae_step:max{{run={of_run}}})")
        self._steps = dict(found[0].points) if found else {}

    def at(self, when: float) -> float | None:
        """Return the latest step at *when*, or None before the first."""
        seen = [step for at, step in self._steps.items() if at <= when]
        return seen[-1] if seen else None

    @property
    def first(self) -> float:
        """The first recorded step, or 0 if there is none."""
        return next(iter(self._steps.values()), 0.0)

    def curve(self, query: str) -> Curve:
        """Return the only series of *query* by step."""
        return next(iter(self.curves(query, "").values()), Curve())

    def curves(self, query: str, label: str) -> dict[str, Curve]:
        """Return the series of *query* by step, keyed by the value of *label*."""
        return {series.labels.get(label, ""): self._by_step(series) for series in self._window.range(query)}

    def _by_step(self, series: Series) -> Curve:
        points: list[tuple[float, float]] = []
        for at, value in series.points:
            step = self._steps.get(at)
            if step is None:
                continue
            if points and points[-1][0] == step:  # the run paused, or steps more slowly than the points are apart
                points.pop()
            points.append((step, value))
        return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _known_run(server: Prometheus, run: str | None) -> str:
    known = server.label_values_ever("vae_run_info", "run")
    if run is None and len(known) == 1:
        return known[0]
    if run in known:
        return str(run)
    if not known:
        raise ReportError(f"Prometheus at {server.url} has no runs")
    missing = "--run is missing" if run is None else f"Prometheus at {server.url} has no run {run!r}"
    raise ReportError(f"{missing}; the runs are {', '.join(map(repr, known))}")


def _window(server: Prometheus, of_run: str) -> _Window:
    first = server.value(f"min(min_over_time(vae_run_start_timestamp_seconds{{run={of_run}}}[{_LOOK_BACK}]))")
    last = server.value(f"max(max_over_time(vae_last_step_timestamp_seconds{{run={of_run}}}[{_LOOK_BACK}]))")
    if first is None or last is None:
        raise ReportError(f"the run has no steps in the last {_LOOK_BACK}")
    return _Window(server, first, min(time.time(), last + _AFTERMATH_SECONDS))


def _newest(found: Iterable[Series]) -> Mapping[str, str]:
    """Return the labels of the series with the latest point."""
    return max(found, key=lambda series: series.points[-1][0], default=Series({}, ())).labels


def _state(server: Prometheus, of_run: str) -> str | None:
    code = server.value(f"max(run_rank:vae_run_state:code{{run={of_run}}})")
    if code is None:
        return None
    lost = server.value(f'max(ALERTS{{run={of_run},alertname="VaeExporterDown",alertstate="firing"}})')
    return _LOST if lost else next(state for state, known in RUN_STATES.items() if known == code)


def _alerts(window: _Window, of_run: str, by_step: _StepsByTime) -> tuple[Alert, ...]:
    """Return the alerts that fired, in the order in which they began."""
    texts = {
        _identity(alert["labels"]): alert["annotations"]
        for alert in window.server.alerts()
        if alert["state"] == "firing"
    }
    found = []
    # If the points are closer together than the rules' evaluations, an alert's last sample covers those in between.
    # If they are further apart, looking back by one step finds an alert that fired between two points.
    alerts = f'ALERTS{{run={of_run},alertstate="firing"}}'
    fired = f"{alerts} or last_over_time({alerts}[{window.step}s])"
    for series in window.range(fired):
        for begin, end in _stretches(series, window.step):
            end_step = by_step.at(end)
            firing = end >= window.end - 2 * window.step and _identity(series.labels) in texts
            text = texts[_identity(series.labels)] if firing else {}
            alert = Alert(
                name=series.labels["alertname"],
                severity=series.labels.get("severity", ""),
                step=by_step.at(begin),
                end_step=None if firing else by_step.first if end_step is None else end_step,
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


def _gpu_memory(window: _Window, of_run: str, by_step: _StepsByTime) -> tuple[GpuMemory, ...]:
    totals = {
        series.labels.get("gpu", ""): series.points[-1][1]
        for series in window.range(f"max by (gpu) (vae_gpu_memory_total_bytes{{run={of_run}}})")
    }
    layers = {
        name: by_step.curves(f"max by (gpu) ({metric}{{run={of_run}{more}}})", "gpu")
        for name, (metric, more) in _LAYERS.items()
    }
    gpus = sorted({gpu for curves in layers.values() for gpu in curves})
    return tuple(
        GpuMemory(gpu, totals.get(gpu), {name: curves[gpu] for name, curves in layers.items() if curves.get(gpu)})
        for gpu in gpus
    )
