"""Find out whether the means that a log prints beside its values are those since the start of the epoch."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.means import mean_between
from vae_exporter.judge.logs.rows import Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BLOCK = 32
"""The means of so many rows are tried together."""

FEWEST = 8
"""Fewer rows show nothing."""

FITTING = 0.8
"""The share of the rows whose value must be near the mean of the steps since the row before."""

NEAR = 3.0
"""How far a value may be above or below that mean, as a factor."""

ROUGHNESS = 2.0
"""How many times rougher than the values the means between rows may be. Other means become rougher with each row."""

FLAT = 0.05
"""The relative change from row to row that is never too rough."""

JUMP = 8.0
"""How many times the usual change of a mean from row to row shows that it began anew,"""

UNEXPLAINED = 1.5
"""if the value does not explain it, which is so far from the mean of the steps between, as a factor."""

_BEGINNING = 100
"""A log that begins above this step does not have the first steps of its epoch."""


def place_running_means(items: Iterable[Row | Refusal]) -> Iterator[Row | Refusal]:
    """Yield the *items* of one run, with the `epoch_index` of rows whose means run since the start of their epoch.

    If the means are others, such as those of a moving window, the rows lose them, from the block that shows it on.
    """
    held: list[Row | Refusal] = []
    places = _Places()
    trusted = True
    for item in items:
        if not (isinstance(item, Row) and item.means and item.epoch_index is None and item.step is not None):
            if held:
                held.append(item)
            else:
                yield item
            continue
        held.append(places.place(item))
        if sum(isinstance(one, Row) and bool(one.means) for one in held) >= BLOCK:
            trusted = trusted and _run_on(places.tail, held, default=False)
            yield from _settled(held, trusted=trusted)
            places.tail, held = held, []
    trusted = trusted and _run_on(places.tail, held, default=bool(places.tail))
    yield from _settled(held, trusted=trusted)


class _Places:
    """Finds the index of each row in its epoch."""

    def __init__(self) -> None:
        self.tail: list[Row | Refusal] = []  # the block before
        self._before: Row | None = None
        self._start = 0
        self._jumps: deque[float] = deque(maxlen=FEWEST)  # of the mean, from row to row

    def place(self, row: Row) -> Row:
        step, before = row.step or 0, self._before
        if before is None:
            self._start = 0 if step <= _BEGINNING else step
        elif before.epoch != row.epoch or step < (before.step or 0) or self._begins_anew(before, row):
            self._start = step
            self._jumps.clear()
        self._before = placed = replace(row, epoch_index=step - self._start)
        return placed

    def _begins_anew(self, before: Row, row: Row) -> bool:
        """Return whether the mean of *row* jumps as only that of a new epoch does, which the log need not print."""
        found = _compared(before, replace(row, epoch_index=(row.step or 0) - self._start))
        if found is None:
            return False
        name = _compared_name(row)
        jump = abs(row.means[name].value - before.means[name].value)
        is_wide = len(self._jumps) == FEWEST and jump >= JUMP * median(self._jumps)
        self._jumps.append(jump)
        return is_wide and not found[1] / UNEXPLAINED <= found[0] <= found[1] * UNEXPLAINED


def _settled(held: Sequence[Row | Refusal], *, trusted: bool) -> Iterator[Row | Refusal]:
    for item in held:
        if trusted or isinstance(item, Refusal) or not item.means:
            yield item
        else:
            yield replace(item, means={}, epoch_index=None)


def _run_on(before: Sequence[Row | Refusal], held: Sequence[Row | Refusal], *, default: bool) -> bool:
    """Return whether the means of *held*, after the block *before*, run on; *default* if the rows are too few."""
    rows = [item for item in (*before[-1:], *held) if isinstance(item, Row) and item.means]
    pairs = [found for one, other in pairwise(rows) if (found := _compared(one, other)) is not None]
    if len(pairs) < FEWEST:
        return default
    near = sum(between > 0 and 1 / NEAR <= between / value <= NEAR for between, value in pairs)
    rough, usual = (median(_changes(figures)) for figures in zip(*pairs, strict=True))
    return near >= FITTING * len(pairs) and rough <= ROUGHNESS * usual + FLAT


def _compared(before: Row, row: Row) -> tuple[float, float] | None:
    """Return the mean of the steps between two rows of an epoch, and the later row's value, or None without them."""
    name = _compared_name(row)
    index_before, index = before.epoch_index or 0, row.epoch_index or 0
    value = row.values.get(name, math.nan)
    if before.epoch != row.epoch or index <= index_before or name not in before.means or not 0 < value < math.inf:
        return None
    between, _ = mean_between(index_before, before.means[name], index, row.means[name])
    return (between, value) if math.isfinite(between) else None


def _compared_name(row: Row) -> str:
    return "nll" if "nll" in row.means else min(row.means)


def _changes(figures: Sequence[float]) -> list[float]:
    """Return the relative changes from each of *figures* to the next; infinite where one is not positive."""
    return [
        abs(math.log(after / before)) if min(before, after) > 0 else math.inf for before, after in pairwise(figures)
    ]
