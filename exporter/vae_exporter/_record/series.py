"""The recent values of one loss, by step."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from vae_exporter._record.evidence import standard_error, standard_error_of_means
from vae_exporter._record.mean import mean, weighted_mean

KEPT_VALUES = 1300
"""How many values are kept at least: six long windows hold 1,200 at most, since a longer window replaces one that would
hold more than 200. The memory of a run of any length is bounded by twice as many."""


class StepSeries:
    """Finite values at ascending steps.

    A value may be the mean of several steps, up to its own. It then counts for each of them.
    A range of steps is **whole** if every value that was reported in it is still known.

    Args:
        kept: How many of the newest values are kept at least.
    """

    def __init__(self, kept: int = KEPT_VALUES) -> None:
        self._kept = kept
        self._steps: list[int] = []
        self._values: list[float] = []
        self._counts: list[int] | None = None  # of the steps that each value is the mean of; None: one each
        self.newest: int | None = None
        self._since = 0  # the first step from which on every value is known

    def append(self, step: int, value: float | None, count: int = 1) -> None:
        """Add *value* at *step*, which is above the newest one. None: there is no finite value at that step.

        Args:
            step: The last step that the value is of.
            value: The value.
            count: The number of steps that it is the mean of.
        """
        if self.newest is None:
            self._since = step - count + 1
        elif count > 1:
            count = min(count, step - self.newest)  # the steps before have values of their own
        self.newest = step
        if value is None:
            return
        if count > 1 and self._counts is None:
            self._counts = [1] * len(self._steps)
        if self._counts is not None:
            self._counts.append(count)
        self._steps.append(step)
        self._values.append(value)
        if len(self._steps) == 2 * self._kept:  # rarely, because it moves all that is kept
            self._cut(slice(self._kept))
            self._since = self._first_step(0)

    def clear(self) -> None:
        """Forget everything."""
        self._cut(slice(None))
        self._counts = None
        self.newest = None

    def drop_from(self, step: int) -> None:
        """Forget the values at *step* and later: these steps are about to be trained again."""
        if self.newest is None or step > self.newest:
            return
        self._cut(slice(bisect_left(self._steps, step), None))
        self._since = min(self._since, step)
        self.newest = step - 1

    def is_whole(self, oldest: int) -> bool:
        """Return whether every value from step *oldest* on is known."""
        return self.newest is not None and self._since <= oldest

    def values(self, oldest: int, newest: int) -> list[float]:
        """Return the values that are of one of the steps from *oldest* to *newest*."""
        return self._values[self._within(oldest, newest)]

    def newest_values(self, newest: int, count: int) -> list[float]:
        """Return the newest *count* values at the steps up to *newest*, or as many as are known."""
        end = bisect_right(self._steps, newest)
        return self._values[max(end - count, 0) : end]

    def __len__(self) -> int:
        return len(self._steps)

    def evidence(self, oldest: int, newest: int, batch: int) -> tuple[int, float | None]:
        """Return the number of steps with a value in a range, and the standard error of their mean.

        Args:
            oldest: The first step.
            newest: The last step.
            batch: The length in steps of the parts whose means are compared.
        """
        found = self._within(oldest, newest)
        if self._counts is not None and max(self._counts[found], default=1) > 1:
            shares = self._shares(oldest, newest)
            return sum(shares), standard_error_of_means(self._values[: found.stop], self._counts[: found.stop], shares)
        values = self._values[found]
        means = (self.mean(first, first + batch - 1) for first in range(oldest, newest, batch))
        return len(values), standard_error(values, [mean for mean in means if mean is not None])

    def mean(self, oldest: int, newest: int, *, at_least: int = 1) -> float | None:
        """Return the mean over a range of steps; None if it is not whole or too few of its steps have a value.

        The sum is exact before it is rounded: an outlier of 1e30 that leaves the range leaves no error behind.
        """
        if not self.is_whole(oldest):
            return None
        values = self.values(oldest, newest)
        if self._counts is None:
            return mean(values) if len(values) >= at_least else None
        shares = self._shares(oldest, newest)
        return weighted_mean(values, shares) if sum(shares) >= at_least else None

    def copy(self) -> StepSeries:
        """Return a copy, to compute on without holding up the training thread."""
        copied = StepSeries(self._kept)
        copied._steps, copied._values = self._steps.copy(), self._values.copy()
        copied._counts = None if self._counts is None else self._counts.copy()
        copied.newest, copied._since = self.newest, self._since
        return copied

    def _cut(self, part: slice) -> None:
        del self._steps[part], self._values[part]
        if self._counts is not None:
            del self._counts[part]

    def _first_step(self, index: int) -> int:
        return self._steps[index] - (1 if self._counts is None else self._counts[index]) + 1

    def _within(self, oldest: int, newest: int) -> slice:
        """Return which values are of one of the steps from *oldest* to *newest*."""
        end = bisect_right(self._steps, newest)
        while self._counts is not None and end < len(self._steps) and self._first_step(end) <= newest:
            end += 1
        return slice(bisect_left(self._steps, oldest), end)

    def _shares(self, oldest: int, newest: int) -> list[int]:
        """Return how many of the steps from *oldest* to *newest* each of their values is of."""
        found = self._within(oldest, newest)
        return [
            min(self._steps[index], newest) - max(self._first_step(index), oldest) + 1
            for index in range(found.start, found.stop)
        ]
