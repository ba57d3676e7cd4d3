"""Numbers, counts and times the steps of a run."""

from __future__ import annotations

import numbers
from bisect import bisect_left
from typing import TYPE_CHECKING

from vae_exporter._process.settings import MAX_WHOLE_NUMBER
from vae_exporter._record.facts import DURATION_BUCKETS, DurationFacts, StepFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from vae_exporter._process.failures import Failures


class StepClock:
    """The steps of a run and their durations.

    Args:
        failures: Counts and logs invalid steps.
        start_step: The step from which the run resumes. None or 0 means that it starts from scratch.
        is_resumed: Whether it resumes, if that does not follow from *start_step*.
        clock: Returns the Unix time in seconds.
        monotonic: Returns the monotonic time in seconds, for durations.
    """

    def __init__(
        self,
        failures: Failures,
        *,
        start_step: int | None,
        is_resumed: bool = False,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._failures = failures
        self._clock = clock
        self._monotonic = monotonic
        self._start = start_step
        self.is_resumed = is_resumed or bool(start_step)
        self._newest: int | None = None
        self._newest_began = 0.0  # in monotonic time, moved forward by pauses
        self._newest_time = self.start_time = clock()
        self._observed = 0
        self._skipped = 0
        self._is_skipped = False  # whether the newest step was counted as skipped
        self._pauses = 0  # open pauses, which may be nested
        self._pause_began = 0.0
        self._duration_counts = [0] * (len(DURATION_BUCKETS) + 1)
        self._duration_sum = 0.0

    def begin(self, step: object, *, is_skipped: bool = False) -> int | None:
        """Begin *step*, or the next step if it is None, unless it is the newest one.

        Returns the number of the step. None means that *step* is invalid.

        Args:
            step: The optimizer step.
            is_skipped: Whether the gradient scaler has skipped it. A step counts as skipped once.
        """
        number = self._next() if step is None else self._number(step)
        if number is None:
            return None
        if number != self._newest:
            self._begin(number)
        if is_skipped and not self._is_skipped:
            self._is_skipped = True
            self._skipped += 1
        return number

    def present(self, step: object) -> int | None:
        """Return the number of *step*, or of the newest step if it is None. None means that *step* is invalid."""
        return (self._newest or 0) if step is None else self._number(step)

    def next(self, step: object) -> int | None:
        """Return the number of *step*, which is not begun. None: the step after the newest. Returns None if refused."""
        return self._next() if step is None else self._number(step)

    @property
    def is_paused(self) -> bool:
        """Whether a pause is open."""
        return bool(self._pauses)

    def pause(self) -> None:
        """Exclude the time until `resume` from the step durations. Pauses may be nested."""
        if not self._pauses:
            self._pause_began = self._monotonic()
        self._pauses += 1

    def resume(self) -> None:
        """End the innermost pause."""
        self._leave_out_pause()
        self._pauses -= 1

    def facts(self) -> StepFacts:
        """Return the facts about the steps so far."""
        return StepFacts(
            newest=self._newest,
            newest_time=self._newest_time,
            start=self._start,
            is_resumed=self.is_resumed,
            observed=self._observed,
            skipped=self._skipped,
            durations=DurationFacts(tuple(self._duration_counts), self._duration_sum),
        )

    def _next(self) -> int:
        return (self._start or 0) if self._newest is None else self._newest + 1

    def _number(self, step: object) -> int | None:
        if type(step) is int and -MAX_WHOLE_NUMBER <= step <= MAX_WHOLE_NUMBER:
            return step  # nearly always, and faster than the questions below
        if isinstance(step, float) and step.is_integer():
            step = int(step)
        # A tensor is as invalid as any other type: reading it would wait for its device.
        if not isinstance(step, numbers.Integral):
            message = f"step must be a whole number, or None for the next step, got a {type(step).__name__}"
        elif abs(int(step)) > MAX_WHOLE_NUMBER:
            message = f"step is too large: pass the optimizer step, at most {MAX_WHOLE_NUMBER}"
        else:
            return int(step)
        self._failures.drop("invalid", "step", message)
        return None

    def _begin(self, step: int) -> None:
        if self._pauses:
            self._leave_out_pause()
        now = self._monotonic()
        if self._newest is None:
            self._start = step if self._start is None else self._start
        elif step > self._newest:
            duration = now - self._newest_began
            self._duration_counts[bisect_left(DURATION_BUCKETS, duration)] += 1
            self._duration_sum += duration
        elif step in (0, 1):
            self._failures.tell(
                "step",
                f"the step fell from {self._newest} to {step}: if your counter restarts in each epoch, pass the "
                "optimizer step instead; if the run started over, ignore this",
            )
        self._newest = step
        self._newest_began = now
        self._newest_time = self._clock()
        self._is_skipped = False
        self._observed += 1

    def _leave_out_pause(self) -> None:
        now = self._monotonic()
        self._newest_began += now - self._pause_began
        self._pause_began = now
