"""Exact means of one loss over windows of steps.

A window of *width* w at *lag* l holds the values of the steps ``(s - l - w, s - l]``, where *s* is the newest step at
which the loss was observed. A mean over it is **whole** once the process has spanned all of those steps. Steps may be
missing, may repeat (their values are averaged) and may go back: a resume replays them, so what stood at the steps from
there on is dropped.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

WINDOW_LAGS: dict[int, tuple[int, ...]] = {10: (0, 10), 100: (0, 10, 100, 200, 300)}
"""The lags, in steps, at which a window of each width is published. The rules rely on them."""

REMEMBERED_STEPS = max(width + max(lags) for width, lags in WINDOW_LAGS.items())
"""How many steps back a value is kept: the memory of a run of any length is bounded by it."""

_UNIT_EXPONENT = 1074
"""Every finite float is a whole number of 2**-1074, the smallest positive one. Sums of such whole numbers are exact:
adding and removing values for a million steps leaves no rounding error behind, and a spike of 1e30 no scar."""


def _exact(value: float) -> int:
    """Return *value*, finite, in units of 2**-1074."""
    numerator, denominator = value.as_integer_ratio()
    return numerator << (_UNIT_EXPONENT - denominator.bit_length() + 1)


def _mean(total: int, count: int) -> float:
    """Return the correctly rounded mean of *count* exact values that sum to *total*."""
    return total / (count << _UNIT_EXPONENT)


@dataclass(frozen=True)
class _History:
    """Exact values at ascending steps, kept as running totals: the sum over any range of steps is one subtraction."""

    steps: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=lambda: [0])  # before the first step, and up to each

    def append(self, step: int, value: int) -> None:
        self.steps.append(step)
        self.totals.append(self.totals[-1] + value)
        if len(self.steps) == 2 * REMEMBERED_STEPS:  # seldom: it moves all that is kept
            del self.steps[:REMEMBERED_STEPS], self.totals[:REMEMBERED_STEPS]

    def drop_from(self, step: int) -> None:
        kept = bisect_left(self.steps, step)
        del self.steps[kept:], self.totals[kept + 1 :]

    def sum(self, oldest: int, newest: int) -> tuple[int, int]:
        """Return the sum of the values at the steps from *oldest* to *newest*, and how many these are."""
        first, end = bisect_left(self.steps, oldest), bisect_right(self.steps, newest)
        return self.totals[end] - self.totals[first], end - first

    def copy(self) -> _History:
        return _History(self.steps.copy(), self.totals.copy())


@dataclass(frozen=True)
class WindowsSnapshot:
    """What `StepWindows` held at one moment, to compute on without holding up the training thread."""

    step: int
    since: int
    history: _History
    best: dict[int, float]

    def mean(self, width: int, lag: int) -> float | None:
        """Return the mean over ``(step - lag - width, step - lag]``: None if not whole or without a finite value."""
        newest = self.step - lag
        oldest = newest - width + 1
        total, count = self.history.sum(oldest, newest)
        return _mean(total, count) if count and self.since <= oldest else None


class StepWindows:
    """The recent values of one loss by step, and the lowest whole mean of each width so far, the newest left out."""

    def __init__(self) -> None:
        self._step: int | None = None
        self._since = 0  # the first step from which on every value is still remembered
        self._total = 0  # of the values given at the newest step, which may still get more
        self._count = 0
        self._history = _History()  # the steps before the newest one
        self._best: dict[int, tuple[int, int]] = {}  # by width: the sum and the count whose quotient is lowest

    def observe(self, step: int, value: float) -> None:
        """Take *value* at *step*. A value that is not finite moves the step on and enters no mean."""
        if step != self._step:
            self._move_to(step)
        if math.isfinite(value):
            self._total += _exact(value)
            self._count += 1

    def snapshot(self) -> WindowsSnapshot | None:
        """Return the present state, or None before the first observation."""
        if self._step is None:
            return None
        history = self._history.copy()
        if self._count:
            history.append(self._step, self._value())
        best = {width: _mean(total, count) for width, (total, count) in self._best.items()}
        return WindowsSnapshot(self._step, self._since, history, best)

    def _value(self) -> int:
        """Return the mean of the values given at the newest step, rounded to a float where they are several."""
        return self._total if self._count == 1 else _exact(_mean(self._total, self._count))

    def _move_to(self, step: int) -> None:
        if self._step is None:
            self._since = step
        elif step > self._step:
            self._complete(self._step)
        else:
            self._go_back(self._step, step)
        self._step = step
        self._total = self._count = 0

    def _complete(self, step: int) -> None:
        """Enter the newest step's value into the history and its means into the best ones: it can get no more."""
        if self._count:
            self._history.append(step, self._value())
        for width in WINDOW_LAGS:
            oldest = step - width + 1
            if self._since <= oldest:
                total, count = self._history.sum(oldest, step)
                best = self._best.get(width)
                if count and (best is None or total * best[1] < best[0] * count):
                    self._best[width] = total, count

    def _go_back(self, newest: int, step: int) -> None:
        self._history.drop_from(step)
        self._since = min(step, max(self._since, newest - REMEMBERED_STEPS + 1))
