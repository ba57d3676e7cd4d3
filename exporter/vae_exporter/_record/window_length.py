"""How long the windows are: long enough to hold the values that a mean needs."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from statistics import median_low

SHORTEST = 100
"""Steps of a long window, if the loss is reported often enough."""

SHORT_WINDOWS = 10
"""How many short windows a long one has."""

NEEDED_VALUES = 20
"""How many values a long window should hold: with fewer, the scatter of a healthy loss looks like a rise."""

NEEDED_MEANS = 2
"""How many means a long window should hold, if the trainer reports means of several steps."""

_LENGTHS = (SHORTEST, 10 * SHORTEST, 100 * SHORTEST)

_LENGTHS_OF_MEANS = tuple(
    times * decade for decade in _LENGTHS for times in (1, 2, 5) if times * decade <= _LENGTHS[-1]
)

_GAPS_TO_BEGIN = 3

_GAPS_TO_CHANGE = 9


class WindowLength:
    """Chooses one length for the windows of a run, by how often its NLL is reported.

    Args:
        fixed: the length of a long window in steps, if the user has set it.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self._is_fixed = fixed is not None
        self._lengths: deque[int] = deque(maxlen=_GAPS_TO_CHANGE)  # that the newest gaps ask for
        self._newest: int | None = None
        self.long: int | None = fixed

    @property
    def short(self) -> int | None:
        """The length of a short window in steps; None while it is not known."""
        return None if self.long is None else self.long // SHORT_WINDOWS

    def observe(self, step: int, count: int = 1) -> bool:
        """Record that the NLL was reported at *step*. Return whether the length has changed: windows begin anew.

        Args:
            step: The step.
            count: The number of steps up to it that the value is the mean of.
        """
        before, self._newest = self._newest, step
        if self._is_fixed or before is None or step <= before:
            return False
        length = _length(step - before, count)
        self._lengths.append(length)
        if self.long is None:
            if len(self._lengths) >= _GAPS_TO_BEGIN:
                self.long = median_low(self._lengths)
            return False
        if length == self.long or self._lengths.count(length) < _GAPS_TO_CHANGE:
            return False
        self.long = length
        return True


@lru_cache(maxsize=16)
def _length(gap: int, count: int) -> int:
    """Return the shortest length that holds enough values or, if each is the mean of *count* steps, enough means."""
    if count == 1:
        return next((length for length in _LENGTHS if length >= NEEDED_VALUES * gap), _LENGTHS[-1])
    held = (
        length for length in _LENGTHS_OF_MEANS if length >= NEEDED_MEANS * gap and length * count >= NEEDED_VALUES * gap
    )
    return next(held, _LENGTHS[-1])
