"""Refuse rows that have the step of one line and the values of another. Such a row adds up, so its KL is checked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.means import MAX_MEDIAN_STEPS, mean_between
from vae_exporter.judge.logs.rows import BAD_STEP, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_RELATIVE_ERROR = 0.02
"""The largest relative rounding error of a mean KL that is compared."""

OFF = 1.5
"""How far the mean KL between two rows may be above or below the later row's median, as a factor.

The KL changes smoothly: in recorded runs the ratio is 0.94 to 1.43.
"""


def refuse_misplaced(items: Iterable[Row | Refusal]) -> Iterator[Row | Refusal]:
    """Yield *items*, with a refusal in place of each row whose running mean of the KL does not fit its step.

    Such a row shifts the mean before it one way and the mean after it the other way, while the rows around it agree. A
    KL that collapses does not do both.
    """
    before: Row | None = None
    held: list[Row | Refusal] = []  # a row, and the refusals that follow it
    for item in items:
        if held and isinstance(item, Row):
            row, *refused = held
            if isinstance(row, Row) and _is_misplaced(before, row, item):
                row = Refusal(row.line, BAD_STEP, row.text, "its values are those of another step")
            before = row if isinstance(row, Row) else before
            yield from (row, *refused)
            held = []
        if held or isinstance(item, Row):
            held.append(item)
        else:
            yield item
    yield from held


def _is_misplaced(before: Row | None, row: Row, after: Row) -> bool:
    """Return whether *row* cannot lie between *before* and *after*, although these two fit each other."""
    if before is None:
        return False
    into, out, around = _off(before, row), _off(row, after), _off(before, after)
    return into * out < 0 and around == 0


def _off(before: Row, row: Row) -> int:
    """Return 1 if the mean KL between two rows is too high for the later row's median, -1 if it is too low, else 0."""
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
