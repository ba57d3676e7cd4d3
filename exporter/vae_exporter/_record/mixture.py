"""The recent values of a loss whose batches come from several groups, such as buckets of resolutions.

Each group has its own level, and the loader draws them in any order. A mean over consecutive steps therefore rises
where the harder group happens to be drawn. Here a mean is standardized instead: the mean of each group's newest values,
weighted by the groups' present shares, the same shares for now and for before. So neither the order of unchanged groups
nor a new group is a rise, and a group that rises counts by its share.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING

from vae_exporter._record.evidence import standard_error
from vae_exporter._record.mean import mean
from vae_exporter._record.series import KEPT_VALUES, StepSeries

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN_VALUES = 20
"""The number of values from which on a group counts. Before, it would be judged by chance."""

MAX_GROUPS = 16

RISEN = 1.4
"""Times its own level from which on a group is named."""

_ERRORS = 3.0


@dataclass(frozen=True)
class GroupLevel:
    """The level of one group of batches, its lowest so far and the lowest that it held. None: not known yet."""

    held: float | None = None
    best: float | None = None


@dataclass
class Group:
    """The values of one group, and the lowest level that they held."""

    series: StepSeries
    held: float | None = None
    best: float | None = None
    count: int = 0
    first: list[float] = field(default_factory=list)

    def newest(self, step: int, count: int) -> list[float]:
        """Return its newest *count* values up to *step*; its first ones if it had none then."""
        return self.series.newest_values(step, count) or self.first


class Mixture:
    """The values of several groups, with the interface of `StepSeries`.

    Args:
        kept: How many of the newest values of a group are kept at least.
        levels: What each group has held in an earlier process of the run.
    """

    def __init__(self, kept: int = KEPT_VALUES, levels: Mapping[str, GroupLevel] | None = None) -> None:
        self._kept = kept
        self._earlier = dict(levels or {})
        self._order = StepSeries(kept)  # all values: which steps are known
        self.groups: dict[str, Group] = {}

    @property
    def newest(self) -> int | None:
        """The newest step."""
        return self._order.newest

    def append(self, step: int, value: float | None, group: str = "") -> None:
        """Add *value* of *group* at *step*, which is above the newest one. None: there is no finite value."""
        self._order.append(step, value)
        if value is None:
            return
        found = self.groups.get(group)
        if found is None:
            if len(self.groups) >= MAX_GROUPS:
                group = next(reversed(self.groups))
                found = self.groups[group]
            else:
                earlier = self._earlier.get(group, GroupLevel())
                found = self.groups[group] = Group(StepSeries(self._kept), earlier.held, earlier.best)
        found.series.append(step, value)
        found.count += 1
        if len(found.first) < KNOWN_VALUES:
            found.first.append(value)

    def drop_from(self, step: int) -> None:
        """Forget the values at *step* and later: these steps are about to be trained again."""
        self._order.drop_from(step)
        for group in self.groups.values():
            group.series.drop_from(step)

    def clear(self) -> None:
        """Forget everything."""
        self._order.clear()
        self._earlier.clear()
        self.groups.clear()

    def copy(self) -> Mixture:
        """Return a copy, to compute on without holding up the training thread."""
        copied = Mixture(self._kept)
        copied._order = self._order.copy()
        copied.groups = {
            name: Group(group.series.copy(), group.held, group.best, group.count, group.first.copy())
            for name, group in self.groups.items()
        }
        return copied

    def levels(self) -> dict[str, GroupLevel]:
        """Return the level of each group."""
        return self._earlier | {name: GroupLevel(group.held, group.best) for name, group in self.groups.items()}

    def mean(self, oldest: int, newest: int, *, at_least: int = 1) -> float | None:
        """Return the standardized mean over a range of steps; None if it is not whole or has too few values."""
        if not self._order.is_whole(oldest):
            return None
        count = len(self._order.values(oldest, newest))
        shares = self._shares()
        if count < at_least or not shares:
            return None
        total = 0.0
        for name, share in shares.items():
            values = self.groups[name].newest(newest, self._width(share, count))
            total += share * mean(values)
        return total

    def evidence(self, oldest: int, newest: int, _batch: int) -> tuple[int, float | None]:
        """Return the number of values in a range of steps, and the standard error of their standardized mean."""
        count = len(self._order.values(oldest, newest))
        squares = 0.0
        for name, share in self._shares().items():
            error = standard_error(self.groups[name].newest(newest, self._width(share, count)), [])
            if error is None:
                return count, None
            squares += (share * error) ** 2
        return count, sqrt(squares)

    def hold(self, long: int) -> tuple[float | None, float] | None:
        """Update the level that each group holds. Return the standardized held and best levels.

        The held level is None until each group has held one.

        Args:
            long: The length of a long window in steps.
        """
        newest = self.newest
        if newest is None or not self._order.is_whole(newest - long + 1):
            return None
        count = len(self._order.values(newest - long + 1, newest))
        held, best, is_held = 0.0, 0.0, True
        shares = self._shares()
        for name, share in shares.items():
            group = self.groups[name]
            width = self._width(share, count)
            values = group.series.newest_values(newest, 3 * width)
            newest_mean = mean(values[-width:])
            group.best = newest_mean if group.best is None else min(group.best, newest_mean)
            if len(values) == 3 * width:
                highest = max(mean(values[at : at + width]) for at in (0, width, 2 * width))
                group.held = highest if group.held is None else min(group.held, highest)
            is_held = is_held and group.held is not None
            held += share * (newest_mean if group.held is None else group.held)
            best += share * group.best
        return (held if is_held else None, best) if shares else None

    def risen(self, long: int) -> dict[str, float]:
        """Return each group that rose, with evidence, and how many times its level it is at."""
        newest = self.newest
        if newest is None:
            return {}
        count = len(self._order.values(newest - long + 1, newest))
        risen = {}
        for name, share in self._shares().items():
            group = self.groups[name]
            values = group.newest(newest, self._width(share, count))
            error = standard_error(values, [])
            level = mean(values)
            if group.held and error is not None and level - _ERRORS * error >= RISEN * group.held:
                risen[name] = level / group.held
        return risen

    def _shares(self) -> dict[str, float]:
        counts = {name: len(group.series) for name, group in self.groups.items() if group.count >= KNOWN_VALUES}
        total = sum(counts.values())
        return {name: count / total for name, count in counts.items()} if total else {}

    @staticmethod
    def _width(share: float, count: int) -> int:
        """Return how many values of a group stand for a window that holds *count* values."""
        return max(round(share * count), min(KNOWN_VALUES, count), 1)
