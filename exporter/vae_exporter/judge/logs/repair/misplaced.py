"""Rows under the step of another one: the beginning of one line, and all figures of another, add up in themselves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.means import MAX_MEDIAN_STEPS, MAX_RELATIVE_ERROR, mean_between
from vae_exporter.judge.logs.rows import BAD_STEP, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

OFF = 1.5
"""The KL is smooth: in recorded runs its mean between two rows is 0.94 to 1.43 times the later one's median."""


def refuse_misplaced(items: Iterable[Row | Refusal]) -> Iterator[Row | Refusal]:
    """Yield *items*, with a refusal in the place of each row whose running mean of the KL is not that of its step.

    Such a row puts the mean before it off to one side and the mean behind it to the other, while the two rows around it
    fit each other. A KL that collapses does the one and not the other.
    """
    before: Row | None = None
    held: list[Row | Refusal] = []  # a row, and what was refused behind it
    for item in items:
        if held and isinstance(item, Row):
            row, *refused = held
            if isinstance(row, Row) and _is_misplaced(before, row, item):
                row = Refusal(row.line, BAD_STEP, row.text, "its figures are those of another step")
            before = row if isinstance(row, Row) else before
            yield from (row, *refused)
            held = []
        if held or isinstance(item, Row):
            held.append(item)
        else:
            yield item
    yield from held


def _is_misplaced(before: Row | None, row: Row, after: Row) -> bool:
    """Return whether *row* is none of the steps between *before* and *after*."""
    if before is None:
        return False
    into, out, around = _off(before, row), _off(row, after), _off(before, after)
    return into * out < 0 and around == 0


def _off(before: Row, row: Row) -> int:
    """Return 1 if the mean of the KL between two rows is too high for the later one's median, -1 if it is too low."""
    mean_before, mean, median = before.means.get("kl"), row.means.get("kl"), row.values.get("kl", math.nan)
    index_before, index = before.epoch_index, row.epoch_index
    if mean_before is None or mean is None or index_before is None or index is None or before.epoch != row.epoch:
        return 0
    if not (0 < index - index_before <= MAX_MEDIAN_STEPS and 0 < median < math.inf):
        return 0
    between, error = mean_between(index_before, mean_before, index, mean)
    if not error <= MAX_RELATIVE_ERROR * median:
        return 0
    return (between > OFF * median) - (between < median / OFF)
