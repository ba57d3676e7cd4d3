"""A report from a running Prometheus."""

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
"""How many points a curve has at most: more than a page is wide."""

_LOOK_BACK = "30d"  # how long ago a run may have ended
_AFTERMATH_SECONDS = 900.0  # a run that ended is followed for so long after its last step: what ends it may ring late
_FINEST_SECONDS = 1

_LOST = "lost: not seen any more, and never said that it ended"

_HELD = "run_gpu:vae_cuda_allocator:bytes"  # what ranks hold that share a card is added up
_LAYERS = {
    "used (driver)": ("vae_gpu_memory_used_bytes", ""),
    "reserved (torch)": (_HELD, ',kind="reserved",stat="current"'),
    "allocated, peak": (_HELD, ',kind="allocated",stat="peak"'),
    "allocated": (_HELD, ',kind="allocated",stat="current"'),
}


class ReportError(VaeExporterError):
    """There is nothing to report. The message says why, and what there is."""


@dataclass(frozen=True)
class _Window:
    """The time of a run on a server, and how finely it is asked about, in seconds."""

    server: Prometheus
    start: float
    end: float

    @property
    def step(self) -> int:
        return max(math.ceil((self.end - self.start) / POINTS), _FINEST_SECONDS)

    def range(self, query: str) -> list[Series]:
        # Prometheus counts from the start, and leaves out what is left at the end: the newest is what matters most.
        start = self.end - self.step * math.ceil((self.end - self.start) / self.step)
        return self.server.query_range(query, start=start, end=self.end, step=self.step)


def read_report(prometheus_url: str, run: str | None = None) -> Report:
    """Ask Prometheus about *run*, from its first step to its last. None: the one run that there is.

    Raises:
        AnswerError: the server does not answer.
        ReportError: it knows no such run.
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
    """The run's steps by time. The rules record them in the group in which they record the NLL: at the same moments."""

    def __init__(self, window: _Window, of_run: str) -> None:
        self._window = window
        found = window.range(f"max(run_rank:vae_step:max{{run={of_run}}})")
        self._steps = dict(found[0].points) if found else {}

    def at(self, when: float) -> float | None:
        """Return the newest step at *when*; None before the first."""
        seen = [step for at, step in self._steps.items() if at <= when]
        return seen[-1] if seen else None

    @property
    def first(self) -> float:
        """The first step that was seen; 0 where there is none."""
        return next(iter(self._steps.values()), 0.0)

    def curve(self, query: str) -> Curve:
        """Return the one series of *query* by step."""
        return next(iter(self.curves(query, "").values()), Curve())

    def curves(self, query: str, label: str) -> dict[str, Curve]:
        """Return the series of *query* by step, by the value of *label*."""
        return {series.labels.get(label, ""): self._by_step(series) for series in self._window.range(query)}

    def _by_step(self, series: Series) -> Curve:
        points: list[tuple[float, float]] = []
        for at, value in series.points:
            step = self._steps.get(at)
            if step is None:
                continue
            if points and points[-1][0] == step:  # the run paused, or is looked at more often than it steps
                points.pop()
            points.append((step, value))
        return Curve(tuple(step for step, _ in points), tuple(value for _, value in points))


def _known_run(server: Prometheus, run: str | None) -> str:
    known = server.label_values_ever("vae_run_info", "run")
    if run is None and len(known) == 1:
        return known[0]
    if run in known:
        return str(run)
    runs = f"it knows {', '.join(map(repr, known))}" if known else "it has seen no run at all"
    asked = "which run? Give --run" if run is None else f"no run {run!r} at {server.url}"
    raise ReportError(f"{asked}; {runs}")


def _window(server: Prometheus, of_run: str) -> _Window:
    first = server.value(f"min(min_over_time(vae_run_start_timestamp_seconds{{run={of_run}}}[{_LOOK_BACK}]))")
    last = server.value(f"max(max_over_time(vae_last_step_timestamp_seconds{{run={of_run}}}[{_LOOK_BACK}]))")
    if first is None or last is None:
        raise ReportError(f"the run was not seen within {_LOOK_BACK}")
    return _Window(server, first, min(time.time(), last + _AFTERMATH_SECONDS))


def _newest(found: Iterable[Series]) -> Mapping[str, str]:
    """Return the labels of the series that was seen last."""
    return max(found, key=lambda series: series.points[-1][0], default=Series({}, ())).labels


def _state(server: Prometheus, of_run: str) -> str | None:
    code = server.value(f"max(run_rank:vae_run_state:code{{run={of_run}}})")
    if code is None:
        return None
    lost = server.value(f'max(ALERTS{{run={of_run},alertname="VaeExporterDown",alertstate="firing"}})')
    return _LOST if lost else next(state for state, known in RUN_STATES.items() if known == code)


def _alerts(window: _Window, of_run: str, by_step: _StepsByTime) -> tuple[Alert, ...]:
    """Return what fired, in the order in which it began."""
    texts = {
        _identity(alert["labels"]): alert["annotations"]
        for alert in window.server.alerts()
        if alert["state"] == "firing"
    }
    found = []
    # An alert holds from one evaluation of the rules to the next, however close together the points of the query are.
    # Looked back by one step, what fired between two points is not missed where they are further apart.
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
    """Return when the series began and ended, each time."""
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
