"""The record of one run, written by the training loop and read by scrapes."""

from __future__ import annotations

import bisect
import math
import numbers
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vae_exporter._failures import Failures
from vae_exporter._harvest import Harvest, Observation
from vae_exporter._windows import REMEMBERED_STEPS, StepWindows, WindowsSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPONENTS = ("nll", "rec", "perception", "kl", "total", "generator", "discriminator")
"""The losses that `TrainingExporter.observe` takes."""

GAUGES = ("epoch", "learning_rate", "gradient_norm", "logvar", "loss_scale", "discriminator_factor")
"""The other values that it takes; of each, the last finite one is published."""

STATES = ("running", "finished", "failed", "terminated")

DURATION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
"""Upper bounds of the step durations' buckets, in seconds."""

DRAIN_SECONDS = 5.0
"""How long `Recorder.end` waits for copies that are still under way: a device that hangs must not keep the job."""

_POLL_SECONDS = 0.01


@dataclass
class _Loss:
    """What is known of one component."""

    windows: StepWindows = field(default_factory=StepWindows)
    start: float | None = None
    last: float | None = None
    nonfinite: int = 0
    nonfinite_steps: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_STEPS))  # the newest ones

    def observe(self, step: int, value: float) -> None:
        self.windows.observe(step, value)
        if math.isfinite(value):
            self.last = value
            if self.start is None:
                self.start = value
        else:
            self.nonfinite += 1
            self.nonfinite_steps.append(step)

    def go_back_to(self, step: int) -> None:
        """Forget that the loss was non-finite at the steps from there on: they are about to be trained again."""
        while self.nonfinite_steps and self.nonfinite_steps[-1] >= step:
            self.nonfinite_steps.pop()

    def facts(self) -> LossFacts:
        last_nonfinite_step = self.nonfinite_steps[-1] if self.nonfinite_steps else None
        return LossFacts(self.last, self.start, self.nonfinite, last_nonfinite_step, self.windows.snapshot())


@dataclass(frozen=True)
class LossFacts:
    """One component of the loss at one moment. None: not observed yet."""

    last: float | None
    start: float | None
    nonfinite: int
    last_nonfinite_step: int | None
    windows: WindowsSnapshot | None


@dataclass(frozen=True)
class DurationFacts:
    """Durations of steps, in seconds: how many fell into each of `DURATION_BUCKETS` and above, and their sum."""

    counts: tuple[int, ...]
    sum: float


@dataclass(frozen=True)
class RunFacts:
    """A run at one moment: what a scrape publishes. Times are Unix seconds; *end_time* is 0 while the run lasts."""

    state: str
    start_time: float
    end_time: float
    start_step: int | None
    resumed: bool
    step: int | None
    steps_observed: int
    last_step_time: float
    durations: DurationFacts
    gauges: Mapping[str, float]
    losses: Mapping[str, LossFacts]
    errors: Mapping[str, int]
    dropped: Mapping[str, int]


class Recorder:
    """Records the steps of a run.

    Any thread may call it. The training thread holds its lock for microseconds; a scrape copies the facts under the
    lock and computes outside of it.

    Args:
        start_step: the step that the run resumes from; None if it starts anew.
        clock: gives the Unix time in seconds.
        monotonic: gives seconds that never go back, for durations.
        torch: a stand-in for the module ``torch``: see `Harvest`.
    """

    def __init__(
        self,
        *,
        start_step: int | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        torch: Any = None,  # noqa: ANN401 - a module
    ) -> None:
        self.failures = Failures()
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._harvest = Harvest(self.failures, torch=torch)
        self._losses = {component: _Loss() for component in COMPONENTS}
        self._gauges: dict[str, float] = {}
        self._state = "running"
        self._start_time = self._last_step_time = clock()
        self._end_time = 0.0
        self._start_step = start_step
        self._resumed = bool(start_step)
        self._step: int | None = None  # the newest step begun
        self._recorded_step: int | None = None  # the newest step whose values have arrived
        self._steps_observed = 0
        self._step_began: float | None = None
        self._duration_counts = [0] * (len(DURATION_BUCKETS) + 1)
        self._duration_sum = 0.0

    def observe(self, step: int | None, values: Mapping[str, object]) -> None:
        """Record *values* (by name: `COMPONENTS` and `GAUGES`; None: not given) at *step*; None: at the next one."""
        with self._lock:
            if self._state != "running":
                given = sum(value is not None for value in values.values())
                self.failures.drop("closed", "observe", "observe() after close(): nothing is recorded", count=given)
                return
            number = self._number(step)
            if number is None:
                return
            if number != self._step:
                self._begin(number)
            self._harvest.give(number, values)
            for observation in self._harvest.arrived():
                self._record(observation)

    def end(self, state: str, *, sleep: Callable[[float], object] = time.sleep) -> bool:
        """Bring in what is still under way, and end the run in *state*. Return False if it has ended already."""
        deadline = self._monotonic() + DRAIN_SECONDS

        def wait() -> bool:
            sleep(_POLL_SECONDS)
            return self._monotonic() < deadline

        with self._lock:
            if self._state != "running":
                return False
            try:
                for observation in self._harvest.drain(wait):
                    self._record(observation)
            except Exception as error:  # noqa: BLE001 - after an error on the device, every call to it raises
                self.failures.caught("observe", "reading the last losses", error)
            self._state = state
            self._end_time = self._clock()
            return True

    def facts(self) -> RunFacts:
        """Return the run as it is now."""
        with self._lock:
            return RunFacts(
                state=self._state,
                start_time=self._start_time,
                end_time=self._end_time,
                start_step=self._start_step,
                resumed=self._resumed,
                step=self._step,
                steps_observed=self._steps_observed,
                last_step_time=self._last_step_time,
                durations=DurationFacts(tuple(self._duration_counts), self._duration_sum),
                gauges=dict(self._gauges),
                losses={component: loss.facts() for component, loss in self._losses.items()},
                errors=dict(self.failures.errors),
                dropped=dict(self.failures.dropped),
            )

    def _number(self, step: object) -> int | None:
        if step is None:
            return (self._start_step or 0) if self._step is None else self._step + 1
        if isinstance(step, numbers.Integral):
            return int(step)
        # A tensor, too, is refused: to read it would wait for its device.
        message = f"step is of type {type(step).__name__}: give a whole number, or None to count by itself"
        self.failures.drop("invalid", "step", message)
        return None

    def _begin(self, step: int) -> None:
        now = self._monotonic()
        if self._step_began is not None and self._step is not None and step > self._step:
            duration = now - self._step_began
            self._duration_counts[bisect.bisect_left(DURATION_BUCKETS, duration)] += 1
            self._duration_sum += duration
        if self._start_step is None:
            self._start_step = step
        self._step = step
        self._step_began = now
        self._steps_observed += 1
        self._last_step_time = self._clock()

    def _record(self, observation: Observation) -> None:
        step, values = observation
        if self._recorded_step is not None and step < self._recorded_step:
            for loss in self._losses.values():
                loss.go_back_to(step)
        self._recorded_step = step
        for name, value in values.items():
            if name in self._losses:
                self._losses[name].observe(step, value)
            elif math.isfinite(value):
                self._gauges[name] = value
