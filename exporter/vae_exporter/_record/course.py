"""The course of a run: its NLL and the level of its NLL by position, for later runs to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP, DATA_POSITION = "step", "data_position"
"""What a position is: the optimizer step, or the index of the sample or shard that the batch comes from."""

POSITIONS = (STEP, DATA_POSITION)

BIN = 10
"""Steps of a bin: a short window of a run that reports each step."""

MAX_BINS = 50_000
"""From this many bins on, two become one. It bounds the memory of a run of any length."""


@dataclass(frozen=True)
class Place:
    """What a run had at one position: its mean NLL, and the level that it had held by then."""

    mean: float
    level: float


_Sums: TypeAlias = "list[float]"
"""How many values a bin has, their sum, and the sum of the levels. A list, because a step adds to it in place."""


class Course:
    """The mean NLL of a run, and the level that it had held by then, in bins of positions.

    Args:
        by: What a position is, one of `POSITIONS`.
        width: How many positions a bin has.
    """

    def __init__(self, by: str = STEP, width: int = BIN) -> None:
        self.by = by
        self._width = width
        self._bins: dict[int, _Sums] = {}

    def observe(self, step: int, data_position: int | None, value: float, level: float) -> None:
        """Record the *value* of a step. With the first *data_position*, the course starts over by these positions."""
        if data_position is not None and self.by == STEP:
            self.by, self._width, self._bins = DATA_POSITION, 1, {}
        position = step if self.by == STEP else data_position
        if position is not None:
            self._add(position // self._width, 1, value, level)
            if len(self._bins) > MAX_BINS:
                self._widen()

    def put(self, position: int, place: Place) -> None:
        """Add *place* at *position*."""
        self._add(position // self._width, 1, place.mean, place.level)

    def at(self, step: int, data_position: int | None) -> Place | None:
        """Return what the run had at the position of a step; None if it was not there."""
        position = step if self.by == STEP else data_position
        found = None if position is None else self._bins.get(position // self._width)
        return None if found is None else _place(found)

    def drop_from(self, step: int) -> None:
        """Forget the steps from *step* on, which are about to be trained again. Data positions do not go back."""
        if self.by == STEP:
            self._bins = {number: one for number, one in self._bins.items() if number * self._width < step}

    def places(self) -> Iterator[tuple[int, Place]]:
        """Yield the first position of each bin, in ascending order, and what the run had there."""
        for number, sums in sorted(self._bins.items()):
            yield number * self._width, _place(sums)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, with four digits."""
        places = list(self.places())
        return {
            "by": self.by,
            "width": self._width,
            "positions": [position for position, _ in places],
            "means": [_rounded(place.mean) for _, place in places],
            "levels": [_rounded(place.level) for _, place in places],
        }

    def _add(self, number: int, count: float, value: float, level: float) -> None:
        sums = self._bins.get(number)
        if sums is None:
            self._bins[number] = [count, value, level]
        else:
            sums[0] += count
            sums[1] += value
            sums[2] += level

    def _widen(self) -> None:
        bins, self._bins = self._bins, {}
        self._width *= 2
        for number, sums in bins.items():
            self._add(number // 2, *sums)


def _place(sums: _Sums) -> Place:
    count, value, level = sums
    return Place(value / count, level / count)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
