"""Spread rows whose step is printed rounded, such as ten rows at ``step 1k``, over the steps that they may have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.rows import Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FEWEST = 3
"""Fewer rows with one step are not rounded: they are averaged, as those of several micro-batches."""

ROUNDING = 1.1
"""How many rows may share a step on average: a rounded step may have one row more than there are steps."""

MOST = 10_000
"""More rows with one step are not spread."""


def spread_rounded(items: Iterable[Row | Refusal]) -> Iterator[Row | Refusal]:
    """Yield the *items* of one run. Rows with one step are spread evenly up to the next step, if there is room."""
    held: list[Row | Refusal] = []  # rows with one step, and the refusals between them
    apart = 0  # steps between the last two groups
    for item in items:
        last = next((one for one in reversed(held) if isinstance(one, Row)), None)
        if last is not None and isinstance(item, Row) and item.step != last.step:
            apart = (item.step or 0) - (last.step or 0)
            yield from _spread(held, apart)
            held = []
        held.append(item)
        if len(held) > MOST or (isinstance(item, Row) and item.epoch_index is not None):
            yield from held
            held = []
    yield from _spread(held, apart)


def _spread(held: list[Row | Refusal], apart: int) -> Iterator[Row | Refusal]:
    """Yield the rows of *held*, which have one step, evenly over *apart* steps."""
    rows = [item for item in held if isinstance(item, Row)]
    values: set[str] = set()
    numbers: list[int] = []  # of each row: a row that repeats a value begins the next one
    for row in rows:
        if not numbers or values & row.values.keys():
            values = set()
            numbers.append((numbers[-1] + 1) if numbers else 0)
        else:
            numbers.append(numbers[-1])
        values |= row.values.keys()
    count = numbers[-1] + 1 if numbers else 0
    if not FEWEST <= count <= ROUNDING * apart:
        yield from held
        return
    places = iter(numbers)
    for item in held:
        yield replace(item, step=(item.step or 0) + next(places) * apart // count) if isinstance(item, Row) else item
