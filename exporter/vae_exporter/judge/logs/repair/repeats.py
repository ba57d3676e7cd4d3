"""Refuse rows that were pasted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.judge.logs.rows import DUPLICATE, Refusal, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REMEMBERED_ROWS = 65_536
"""How many rows back a repeat is recognized. The limit bounds the memory."""

REPEATED_FIGURES = 12
"""How many values must repeat in rows without steps, in the same order, to be a paste rather than a coincidence."""


def refuse_repeats(items: Iterable[Row | Refusal]) -> Iterator[Row | Refusal]:
    """Yield *items*, with a refusal in place of each repeated row."""
    seen = _Seen()
    held: list[Row] = []  # repeated rows without a step, in their earlier order
    is_paste = False
    expected = 0
    for item in items:
        if isinstance(item, Refusal) or not item.values:  # a row of an evaluation has no values
            yield item
            continue
        place = seen.find(item)
        if place is None or (item.step is None and (held or is_paste) and place != expected):
            yield from held
            held, is_paste = [], False
            seen.add(item)
            yield item
            continue
        if item.step is not None or is_paste:
            yield _refusal(item)
        else:
            held.append(item)
            if sum(len(row.values) for row in held) >= REPEATED_FIGURES:
                yield from map(_refusal, held)
                held, is_paste = [], True
        expected = place + 1
    yield from held


class _Seen:
    """The positions of the last rows, by fingerprint."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._next = 0

    def find(self, row: Row) -> int | None:
        return self._places.get(row.fingerprint())

    def add(self, row: Row) -> None:
        self._places[row.fingerprint()] = self._next
        self._next += 1
        if len(self._places) > REMEMBERED_ROWS:
            del self._places[next(iter(self._places))]


def _refusal(row: Row) -> Refusal:
    return Refusal(row.line, DUPLICATE, row.text)
