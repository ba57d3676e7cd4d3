"""The record of one run, written by the training loop and read by scrapes."""

from __future__ import annotations

import numbers
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from vae_exporter._process.failures import Failures
from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._record.comparisons import Comparisons
from vae_exporter._record.course import DATA_POSITION
from vae_exporter._record.facts import RunFacts
from vae_exporter._record.harvest import Harvest
from vae_exporter._record.probe import Probe
from vae_exporter._record.saved_state import SavedState
from vae_exporter._record.step_clock import StepClock
from vae_exporter._record.training_values import TrainingValues
from vae_exporter._record.user_gauges import UserGauges
from vae_exporter._record.validation import Validation
from vae_exporter.vocabulary import SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vae_exporter._record.baseline import Baseline
    from vae_exporter._record.harvest import Receiver
    from vae_exporter.vocabulary import EndState, RunState

DRAIN_SECONDS = 5.0
"""The longest time that `Recorder.end` waits for pending copies. A device that hangs must not block the job's exit."""

_POLL_SECONDS = 0.01

_NEEDS_POSITION = (
    "the baseline is ordered by data_position, so a step without data_position= is not compared with it: pass "
    "data_position= to observe()"
)

_AFTER_CLOSE = "a value was observed after close()"


class Recorder:
    """The record of a run. It passes each observation to the part that keeps it, one caller at a time.

    Any thread may call it. The training thread holds the lock for microseconds, or for a millisecond where a batch is
    delivered. A scrape delivers what has arrived and copies the facts under the lock, and computes outside it.

    Args:
        start_step: The step from which the run resumes. None or 0 means that it starts from scratch.
        is_resumed: Whether it resumes, if that does not follow from *start_step*.
        definition: What the reported NLL consists of.
        window_steps: The length of a long window in steps; None chooses it.
        baseline: The run before, to compare with.
        keeps_course: Whether to keep the course of this run, as the baseline of later ones.
        clock: Returns the Unix time in seconds.
        monotonic: Returns the monotonic time in seconds, for durations.
        torch: A stand-in for the module ``torch``, as in `Harvest`.
    """

    def __init__(  # noqa: PLR0913 - what a recorder needs to know of its run
        self,
        *,
        start_step: int | None = None,
        is_resumed: bool = False,
        definition: LossDefinition | None = None,
        window_steps: int | None = None,
        baseline: Baseline | None = None,
        keeps_course: bool = False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        torch: Any = None,  # noqa: ANN401 - a module
    ) -> None:
        self.failures = Failures()
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._harvest = Harvest(self.failures, torch=torch)
        self._steps = StepClock(
            self.failures, start_step=start_step, is_resumed=is_resumed, clock=clock, monotonic=monotonic
        )
        self._training = TrainingValues(
            definition or LossDefinition(), window_steps=window_steps, baseline=baseline, keeps_course=keeps_course
        )
        self._needs_position = baseline is not None and baseline.course.by == DATA_POSITION
        self._start_step = start_step
        if start_step:
            self._training.resume(start_step)
        self._validation = Validation()
        self._probe = Probe()
        self._user_gauges = UserGauges(self.failures)
        self._comparisons = Comparisons(self.failures, torch=torch)
        self._end_state: EndState | None = None
        self._end_time = 0.0

    def observe(  # noqa: PLR0913 - what observe() was given
        self,
        step: int | None,
        values: Mapping[str, object],
        *,
        split: object = "train",
        skipped: object = False,
        weights: Mapping[str, object] | None = None,
        group: str = "",
        mean_over: int = 1,
        data_position: object = None,
    ) -> None:
        """Record *values*, which are named as in `COMPONENTS` and `GAUGES`, at *step* or at the next one.

        Values of the split ``"validation"`` do not begin a step. Without a *step*, they belong to the newest one.
        """
        with self._lock:
            if self._end_state is not None:
                self._drop("closed", "observe", _AFTER_CLOSE, values.values())
            elif split == "train":
                is_skipped = skipped is not False and self._truth(skipped)
                receiver = self._step_receiver(group, mean_over, data_position, is_skipped=is_skipped)
                number = self._steps.begin(step, is_skipped=is_skipped)
                if weights:
                    self._harvest.give(number, weights, self._training.set_weights)
                self._harvest.give(number, values, receiver)
            elif split == "validation":
                self._harvest.give(self._steps.present(step), values, self._record_validation)
            else:
                message = f"split must be {' or '.join(map(repr, SPLITS))}, got {split!r}"
                self._drop("invalid", "split", message, values.values())

    def observe_probe(self, step: int | None, values: Mapping[str, object]) -> None:
        """Record *values*, which are named as in `PROBED`, of the probe clip at *step* or at the newest one."""
        with self._lock:
            if not self._has_ended(values.values()):
                self._harvest.give(self._steps.present(step), values, self._record_probe)

    def begin_stage(self, step: int | None) -> None:
        """Begin a stage at *step*; None: at the next one."""
        with self._lock:
            if not self._has_ended(("the stage",)):
                self._harvest.give(self._steps.next(step), {}, lambda at, _values: self._begin_stage(at))

    def gauge(self, name: str, value: object) -> None:
        """Record *value* as the gauge *name*."""
        with self._lock:
            if not self._has_ended((value,)) and self._user_gauges.accepts(name):
                self._harvest.give(self._steps.present(None), {name: value}, self._user_gauges.record)

    def observe_reconstruction(
        self, step: int | None, inputs: object, outputs: object, *, every: object = 100, data_range: object = 2.0
    ) -> None:
        """Compare frames at *step*, or at the newest one, if a comparison is due. Raises what torch raises."""
        with self._lock:
            if self._has_ended(("the comparison",)):
                return
            number = self._steps.present(step)
            if number is None or not self._comparisons.is_due(number, every):
                return
        # Not under the lock, which scrapes need: if the device's queue is full, this call waits for room in it.
        values = self._comparisons.compare(inputs, outputs, data_range)
        if values:
            with self._lock:
                if not self._has_ended(values.values()):
                    self._harvest.give(number, values, self._comparisons.record)

    def pause(self) -> None:
        """Exclude the time until `resume` from the step durations. Pauses may be nested."""
        with self._lock:
            self._steps.pause()

    def resume(self) -> None:
        """End the innermost pause."""
        with self._lock:
            self._steps.resume()

    def end(self, state: EndState, *, sleep: Callable[[float], object] = time.sleep) -> bool:
        """Deliver pending values, and end the run in *state*. Return False if it has already ended."""
        deadline = self._monotonic() + DRAIN_SECONDS

        def wait() -> bool:
            sleep(_POLL_SECONDS)
            return self._monotonic() < deadline

        with self._lock:
            if self._end_state is not None:
                return False
            try:
                self._harvest.drain(wait)
            except Exception as error:  # noqa: BLE001 - after an error on the device, every call to it raises
                self.failures.caught("observe", "reading the last losses", error)
            finally:  # also if Ctrl-C interrupts the wait
                self._end_state = state
                self._end_time = self._clock()
            return True

    def state(self) -> SavedState:
        """Return what the next process of the run should know of this one."""
        with self._lock:
            self._harvest.deliver()
            return SavedState(
                step=self._steps.facts().newest,
                level=self._training.level_facts(),
                group_levels=self._training.group_levels(),
                changes=self._training.change_facts(),
                probe_best=self._probe.facts().best,
            )

    def course(self) -> Baseline | None:
        """Return the course of this run as the baseline of later ones; None if it is not kept or has no level."""
        with self._lock:
            self._harvest.deliver()
            return self._training.course()

    def take_over(self, saved: SavedState) -> None:
        """Take over what an earlier process of the run has left, up to the step from which this one resumes."""
        with self._lock:
            self._harvest.deliver()
            after = 0 if saved.step is None else saved.step + 1
            earlier = saved.before(self._start_step or after)
            self._training.take_over(earlier)
            self._probe.take_over(earlier.probe_best)
            self._steps.is_resumed = True

    def facts(self) -> RunFacts:
        """Return the present facts about the run."""
        with self._lock:
            self._harvest.deliver()
            steps = self._steps.facts()
            self._compare_validation(steps.newest)
            return RunFacts(
                state=self._state(),
                start_time=self._steps.start_time,
                end_time=self._end_time,
                steps=steps,
                gauges=self._training.gauge_facts(),
                changes=self._training.change_facts(),
                losses=self._training.loss_facts(),
                weights=dict(self._training.weights()),
                nll_part_weights=dict(self._training.nll_part_weights()),
                windows=self._training.windows(),
                level=self._training.level_facts(),
                validation=self._validation.facts(),
                probe=self._probe.facts(),
                baseline=self._training.baseline_facts(),
                user_gauges=self._user_gauges.facts(),
                reconstruction=self._comparisons.facts(),
                errors=dict(self.failures.errors),
                dropped=dict(self.failures.dropped),
            )

    def _state(self) -> RunState:
        return self._end_state or ("paused" if self._steps.is_paused else "running")

    def _step_receiver(self, group: str, mean_over: int, data_position: object, *, is_skipped: bool) -> Receiver:
        if self._needs_position and data_position is None:
            self.failures.tell("baseline", _NEEDS_POSITION)
        if is_skipped:
            return self._training.record_skipped
        if not group and mean_over == 1 and data_position is None:
            return self._training.record
        position = self._index(data_position)
        return partial(self._training.record, group=group, mean_over=mean_over, data_position=position)

    def _begin_stage(self, step: int) -> None:
        self._training.begin_stage(step)
        self._validation.start_over()

    def _record_validation(self, step: int, values: Mapping[str, float]) -> None:
        self._compare_validation(step)
        self._validation.record(step, values, self._training.long_mean())

    def _compare_validation(self, newest: int | None) -> None:
        self._validation.compare(newest, self._training.judge, self._training.long_window)

    def _record_probe(self, step: int, values: Mapping[str, float]) -> None:
        self._probe.record(step, values, self._training.short_mean())

    def _truth(self, skipped: object) -> bool:
        if type(skipped).__module__ == "numpy":
            skipped = bool(skipped)
        if isinstance(skipped, bool):
            return skipped
        # Reading a tensor would wait for its device.
        message = f"skipped must be True or False, got a {type(skipped).__name__}"
        self.failures.drop("invalid", "skipped", message)
        return False

    def _index(self, data_position: object) -> int | None:
        if data_position is None or (
            isinstance(data_position, numbers.Integral) and not isinstance(data_position, bool)
        ):
            return None if data_position is None else int(data_position)
        # Reading a tensor would wait for its device.
        message = f"data_position must be a whole number, got a {type(data_position).__name__}"
        self.failures.drop("invalid", "data_position", message)
        return None

    def _has_ended(self, given: Iterable[object]) -> bool:
        if self._end_state is None:
            return False
        self._drop("closed", "observe", _AFTER_CLOSE, given)
        return True

    def _drop(self, reason: str, what: str, message: str, given: Iterable[object]) -> None:
        self.failures.drop(reason, what, message, count=sum(value is not None for value in given))
