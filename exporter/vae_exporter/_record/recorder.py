"""The record of one run, written by the training loop and read by scrapes."""

from __future__ import annotations

import bisect
import math
import numbers
import threading
import time
from typing import TYPE_CHECKING, Any

from vae_exporter._process.failures import Failures
from vae_exporter._process.settings import MAX_WHOLE_NUMBER
from vae_exporter._record.facts import (
    DURATION_BUCKETS,
    DurationFacts,
    ProbeFacts,
    ReconstructionFacts,
    RunFacts,
)
from vae_exporter._record.harvest import Harvest, Observation
from vae_exporter._record.losses import Loss, StepMean
from vae_exporter._record.reconstruction import Reconstructions
from vae_exporter.vocabulary import COMPONENTS, SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vae_exporter.vocabulary import EndState

DRAIN_SECONDS = 5.0
"""How long `Recorder.end` waits for copies that are still under way: a device that hangs must not keep the job."""

_POLL_SECONDS = 0.01

_AFTER_CLOSE = "observe() after close(): nothing is recorded"


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
        self._reconstructions = Reconstructions(self.failures, torch=torch)
        self._losses = {component: Loss() for component in COMPONENTS}
        self._gauges: dict[str, float] = {}
        self._validation: dict[str, StepMean] = {}
        self._probe_step: int | None = None
        self._probe: dict[str, float] = {}
        self._probe_best: dict[str, float] = {}
        self._reconstruction = ReconstructionFacts()
        self._end_state: EndState | None = None
        self._pauses = 0  # that are open: they may be nested
        self._pause_began = 0.0
        self._start_time = self._last_step_time = clock()
        self._end_time = 0.0
        self._start_step = start_step
        self._resumed = bool(start_step)
        self._step: int | None = None  # the newest step begun
        self._recorded_step: int | None = None  # the newest step whose values have arrived
        self._steps_observed = 0
        self._steps_skipped = 0
        self._is_skipped = False  # whether the newest step was counted as skipped
        self._step_began: float | None = None
        self._duration_counts = [0] * (len(DURATION_BUCKETS) + 1)
        self._duration_sum = 0.0

    def observe(
        self, step: int | None, values: Mapping[str, object], *, split: object = "train", skipped: object = False
    ) -> None:
        """Record *values* (by name: `COMPONENTS` and `GAUGES`; None: not given) at *step*; None: at the next one.

        Those of the split ``"validation"`` begin no step, and None stands for the present one.
        """
        with self._lock:
            if split not in SPLITS:
                message = f"split={split!r} is not known: give {' or '.join(map(repr, SPLITS))}"
                self._drop("invalid", "split", message, values)
                return
            if split == "validation":
                self._take(self._step or 0 if step is None else step, values, "validation")
                return
            if type(skipped).__module__ == "numpy":
                skipped = bool(skipped)
            if not isinstance(skipped, bool):  # to read a tensor would wait for its device
                message = f"skipped is of type {type(skipped).__name__}: give True or False"
                self.failures.drop("invalid", "skipped", message)
                skipped = False
            number = self._take(step, values, "skipped" if skipped else "train")
            if skipped and number is not None and not self._is_skipped:
                self._steps_skipped += 1
                self._is_skipped = True

    def observe_probe(self, step: int | None, values: Mapping[str, object]) -> None:
        """Record *values* (by name: `PROBED`) of the fixed clip at *step*; None: at the present one."""
        with self._lock:
            self._take(self._step or 0 if step is None else step, values, "probe")

    def observe_reconstruction(
        self, step: int | None, inputs: object, outputs: object, *, every: object = 100, data_range: object = 2.0
    ) -> None:
        """Compare frames at *step*, if it is due; None: at the present one. Raises what torch does meanwhile."""
        with self._lock:
            if self._end_state is not None:
                self.failures.drop("closed", "observe", _AFTER_CLOSE)
                return
            number = self._number(self._step or 0 if step is None else step)
            if number is None or not self._reconstructions.is_due(number, every):
                return
        # Not under the lock, which scrapes want: a device whose queue is full has the host wait until there is room.
        values = self._reconstructions.compare(inputs, outputs, data_range)
        if values:
            with self._lock:
                self._take(number, values, "reconstruction")

    def pause(self) -> None:
        """Leave the time from now on out of the steps' durations, until `resume`. Pauses may be nested."""
        with self._lock:
            if not self._pauses:
                self._pause_began = self._monotonic()
            self._pauses += 1

    def resume(self) -> None:
        """End the innermost pause."""
        with self._lock:
            self._leave_out_pause()
            self._pauses -= 1

    def end(self, state: EndState, *, sleep: Callable[[float], object] = time.sleep) -> bool:
        """Bring in what is still under way, and end the run in *state*. Return False if it has ended already."""
        deadline = self._monotonic() + DRAIN_SECONDS

        def wait() -> bool:
            sleep(_POLL_SECONDS)
            return self._monotonic() < deadline

        with self._lock:
            if self._end_state is not None:
                return False
            try:
                for observation in self._harvest.drain(wait):
                    self._record(observation)
            except Exception as error:  # noqa: BLE001 - after an error on the device, every call to it raises
                self.failures.caught("observe", "reading the last losses", error)
            finally:  # Ctrl-C while it waits
                self._end_state = state
                self._end_time = self._clock()
            return True

    def facts(self) -> RunFacts:
        """Return the run as it is now."""
        with self._lock:
            return RunFacts(
                state=self._end_state or ("paused" if self._pauses else "running"),
                start_time=self._start_time,
                end_time=self._end_time,
                start_step=self._start_step,
                resumed=self._resumed,
                step=self._step,
                steps_observed=self._steps_observed,
                steps_skipped=self._steps_skipped,
                last_step_time=self._last_step_time,
                durations=DurationFacts(tuple(self._duration_counts), self._duration_sum),
                gauges=dict(self._gauges),
                losses={component: loss.facts() for component, loss in self._losses.items()},
                validation={component: loss.mean for component, loss in self._validation.items()},
                probe=ProbeFacts(self._probe_step, dict(self._probe), dict(self._probe_best)),
                reconstruction=self._reconstruction,
                errors=dict(self.failures.errors),
                dropped=dict(self.failures.dropped),
            )

    def _take(self, step: int | None, values: Mapping[str, object], purpose: str) -> int | None:
        """Copy *values* for *purpose*, and record what has arrived. Return the step, None where nothing is taken."""
        if self._end_state is not None:
            self._drop("closed", "observe", _AFTER_CLOSE, values)
            return None
        number = self._number(step)
        if number is None:
            return None
        if purpose in ("train", "skipped") and number != self._step:
            self._begin(number)
        self._harvest.give(number, values, purpose)
        for observation in self._harvest.arrived():
            self._record(observation)
        return number

    def _drop(self, reason: str, what: str, message: str, values: Mapping[str, object]) -> None:
        given = sum(value is not None for value in values.values())
        self.failures.drop(reason, what, message, count=given)

    def _number(self, step: object) -> int | None:
        if step is None:
            return (self._start_step or 0) if self._step is None else self._step + 1
        if isinstance(step, float) and step.is_integer():
            step = int(step)
        # A tensor, too, is refused: to read it would wait for its device.
        if not isinstance(step, numbers.Integral):
            message = f"step is of type {type(step).__name__}: give a whole number, or None to count by itself"
        elif abs(int(step)) > MAX_WHOLE_NUMBER:
            message = f"step is above 2**63: give the optimizer's step, {MAX_WHOLE_NUMBER} at most"
        else:
            return int(step)
        self.failures.drop("invalid", "step", message)
        return None

    def _begin(self, step: int) -> None:
        self._leave_out_pause()
        now = self._monotonic()
        if self._step is not None and step in (0, 1) and step < self._step:
            self.failures.tell(
                "step",
                f"the step fell from {self._step} to {step}: if it is counted within an epoch, give the optimizer's "
                "step instead, which goes on; if the run began anew, all is well",
            )
        if self._step_began is not None and self._step is not None and step > self._step:
            duration = now - self._step_began
            self._duration_counts[bisect.bisect_left(DURATION_BUCKETS, duration)] += 1
            self._duration_sum += duration
        if self._start_step is None:
            self._start_step = step
        self._step = step
        self._step_began = now
        self._is_skipped = False
        self._steps_observed += 1
        self._last_step_time = self._clock()

    def _leave_out_pause(self) -> None:
        if self._pauses:
            now = self._monotonic()
            if self._step_began is not None:
                self._step_began += now - self._pause_began
            self._pause_began = now

    def _record(self, observation: Observation) -> None:
        step, values, purpose = observation
        if purpose in ("train", "skipped"):
            self._record_training(step, values, skipped=purpose == "skipped")
            return
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        if purpose == "validation":
            for name, value in finite.items():
                if name in self._losses:
                    self._validation.setdefault(name, StepMean()).observe(step, value)
        elif purpose == "reconstruction":
            if finite:
                self._reconstruction = ReconstructionFacts(step, **finite)
        elif finite:
            self._probe_step = step
            self._probe = finite
            for name, value in finite.items():
                self._probe_best[name] = min(value, self._probe_best.get(name, math.inf))

    def _record_training(self, step: int, values: Mapping[str, float], *, skipped: bool) -> None:
        if self._recorded_step is not None and step < self._recorded_step:
            for loss in self._losses.values():
                loss.go_back_to(step)
        self._recorded_step = step
        if skipped:  # a loop that accumulates learns it after it has told the losses
            for loss in self._losses.values():
                loss.skip(step)
        for name, value in values.items():
            if name in self._losses:
                if not skipped or math.isfinite(value):  # the scaler skips a step because of what is not finite
                    self._losses[name].observe(step, value)
            elif math.isfinite(value):
                self._gauges[name] = value
