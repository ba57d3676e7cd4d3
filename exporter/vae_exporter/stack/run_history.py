"""What a Prometheus server has recorded about a run, from its first step to its last, by time and by step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from vae_exporter.errors import VaeExporterError
from vae_exporter.stack.curve import Curve
from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Prometheus, Series

POINTS = 1000
"""The most points of a curve, about as many as a page has pixels."""

LOOK_BACK = "30d"
"""How long ago the last step of a run may be."""

_AFTERMATH_SECONDS = 900.0  # a history extends this far past the last step, because alerts about the end fire later
_FINEST_SECONDS = 1


class RunError(VaeExporterError):
    """The server has no such run, or no step of it. The message lists the runs that there are."""


@dataclass(frozen=True)
class RunHistory:
    """The history of the run named *run* on *server*, from *start* to *end*. Times are Unix seconds."""

    server: Prometheus
    run: str
    start: float
    last_step_time: float
    end: float

    @property
    def selector(self) -> str:
        """The label matcher of the run, for a query."""
        return f"run={promql_string(self.run)}"

    @property
    def step(self) -> int:
        """The distance between two points, in seconds."""
        return max(math.ceil((self.end - self.start) / POINTS), _FINEST_SECONDS)

    def range(self, query: str) -> list[Series]:
        """Return the series of *query* over the whole history."""
        # Prometheus places points from the start. Shift the start so that the last point is at the end.
        start = self.end - self.step * math.ceil((self.end - self.start) / self.step)
        return self.server.query_range(query, start=start, end=self.end, step=self.step)

    def newest_value(self, series: str) -> float | None:
        """Return the newest value of the recorded *series* of the run, even if the run is over."""
        return self.server.value(f"max(last_over_time({series}{{{self.selector}}}[{LOOK_BACK}]))")

    def newest_labels(self, series: str) -> Mapping[str, str]:
        """Return the labels of that series of the run which has the latest point."""
        found = self.range(f"{series}{{{self.selector}}}")
        return max(found, key=lambda one: one.points[-1][0]).labels if found else {}

    def step_at(self, when: float) -> float | None:
        """Return the latest step at *when*, or None before the first."""
        seen = [step for at, step in self._steps.items() if at <= when]
        return seen[-1] if seen else None

    @property
    def first_step(self) -> float:
        """The first recorded step, or 0 if there is none."""
        return next(iter(self._steps.values()), 0.0)

    def curve(self, query: str) -> Curve:
        """Return the only series of *query* by step."""
        return next(iter(self.curves(query, "").values()), Curve())

    def curves(self, query: str, label: str) -> dict[str, Curve]:
        """Return the series of *query* by step, keyed by the value of *label*."""
        return {series.labels.get(label, ""): self._by_step(series) for series in self.range(query)}

    @cached_property
    def _steps(self) -> dict[float, float]:
        """The steps by time. The rules record them in the same group as the NLL, so their timestamps match."""
        found = self.range(f"max(run_rank:vae_step:max{{{self.selector}}})")
        return dict(found[0].points) if found else {}

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


def history_of(server: Prometheus, run: str | None) -> RunHistory:
    """Return the history of *run*. None means the only run that *server* has.

    Raises:
        AnswerError: The server does not answer.
        RunError: The server has no such run, or *run* is None and it has several.
    """
    name = _known_run(server, run)
    of_run = promql_string(name)
    first = server.value(f"min(min_over_time(vae_run_start_timestamp_seconds{{run={of_run}}}[{LOOK_BACK}]))")
    last = server.value(f"max(max_over_time(vae_last_step_timestamp_seconds{{run={of_run}}}[{LOOK_BACK}]))")
    if first is None or last is None:
        raise RunError(f"the run has no steps in the last {LOOK_BACK}")
    return RunHistory(server, name, first, last, min(time.time(), last + _AFTERMATH_SECONDS))


def _known_run(server: Prometheus, run: str | None) -> str:
    known = server.label_values_ever("vae_run_info", "run")
    if run is None and len(known) == 1:
        return known[0]
    if run in known:
        return str(run)
    if not known:
        raise RunError(f"Prometheus at {server.url} has no runs")
    missing = "--run is missing" if run is None else f"Prometheus at {server.url} has no run {run!r}"
    raise RunError(f"{missing}; the runs are {', '.join(map(repr, known))}")
