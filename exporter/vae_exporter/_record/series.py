"""The recent values of one loss, by step."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from vae_exporter._record.evidence import standard_error
from vae_exporter._record.mean import mean

KEPT_VALUES = 1300
"""How many values are kept at least: six long windows hold 1,200 at most, since a longer window replaces one that would
hold more than 200. The memory of a run of any length is bounded by twice as many."""


class StepSeries:
    """Finite values at ascending steps.

    A range of steps is **whole** if every value that was reported in it is still known.

    Args:
        kept: How many of the newest values are kept at least.
    """

    def __init__(self, kept: int = KEPT_VALUES) -> None:
        self._kept = kept
        self._steps: list[int] = []
        self._values: list[float] = []
        self.newest: int | None = None
        self._since = 0  # the first step from which on every value is known

    def append(self, step: int, value: float | None) -> None:
        """Add *value* at *step*, which is above the newest one. None: there is no finite value at that step."""
        if self.newest is None:
            self._since = step
        self.newest = step
        if value is not None:
            self._steps.append(step)
            self._values.append(value)
            if len(self._steps) == 2 * self._kept:  # rarely, because it moves all that is kept
                del self._steps[: self._kept], self._values[: self._kept]
                self._since = self._steps[0]

    def clear(self) -> None:
        """Forget everything."""
        self._steps.clear()
        self._values.clear()
        self.newest = None

    def drop_from(self, step: int) -> None:
        """Forget the values at *step* and later: these steps are about to be trained again."""
        if self.newest is None or step > self.newest:
            return
        kept = bisect_left(self._steps, step)
        del self._steps[kept:], self._values[kept:]
        self._since = min(self._since, step)
        self.newest = step - 1

    def is_whole(self, oldest: int) -> bool:
        """Return whether every value from step *oldest* on is known."""
        return self.newest is not None and self._since <= oldest

    def values(self, oldest: int, newest: int) -> list[float]:
        """Return the values at the steps from *oldest* to *newest*."""
        return self._values[bisect_left(self._steps, oldest) : bisect_right(self._steps, newest)]

    def newest_values(self, newest: int, count: int) -> list[float]:
        """Return the newest *count* values at the steps up to *newest*, or as many as are known."""
        end = bisect_right(self._steps, newest)
        return self._values[max(end - count, 0) : end]

    def __len__(self) -> int:
        return len(self._steps)

    def evidence(self, oldest: int, newest: int, batch: int) -> tuple[int, float | None]:
        """Return the number of values in a range of steps, and the standard error of their mean.

        Args:
            oldest: The first step.
            newest: The last step.
            batch: The length in steps of the parts whose means are compared.
        """
        values = self.values(oldest, newest)
        means = (self.mean(first, first + batch - 1) for first in range(oldest, newest, batch))
        return len(values), standard_error(values, [mean for mean in means if mean is not None])

    def mean(self, oldest: int, newest: int, *, at_least: int = 1) -> float | None:
        """Return the mean over a range of steps; None if it is not whole or has fewer than *at_least* values.

        The sum is exact before it is rounded: an outlier of 1e30 that leaves the range leaves no error behind.
        """
        if not self.is_whole(oldest):
            return None
        values = self.values(oldest, newest)
        return mean(values) if len(values) >= at_least else None

    def copy(self) -> StepSeries:
        """Return a copy, to compute on without holding up the training thread."""
        copied = StepSeries(self._kept)
        copied._steps, copied._values = self._steps.copy(), self._values.copy()
        copied.newest, copied._since = self.newest, self._since
        return copied
