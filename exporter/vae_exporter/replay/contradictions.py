"""Rows whose parts contradict each other: total is nll + kl weight * kl, unless a line was spliced of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.replay.rows import CONTRADICTION, Refusal, Row
from vae_exporter.replay.weights import figure, fit_kl_weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

TOLERANCE = 0.02
"""Of the total."""

ROUNDING = 2e-4
"""Three figures of four decimals are off by this much together."""

MOST = 0.8
"""Where fewer rows than this share agree, the total has other parts (a GAN's), and contradicts nobody."""

NOT_ALONE = 3
"""So many contradicting rows in a row are no splices: the loss itself has changed."""


def refuse_contradictions(items: Iterable[Row | Refusal], *, kl_weight: float | None) -> Iterator[Row | Refusal]:
    """Yield *items*, a row that contradicts *kl_weight* as a refusal. None: there is nothing to contradict."""
    doubtful: list[Row] = []
    for item in items:
        if isinstance(item, Refusal):
            yield item
            continue
        if kl_weight is not None and contradicts(item, kl_weight):
            doubtful.append(item)
            if len(doubtful) == NOT_ALONE:
                kl_weight = common_kl_weight(doubtful, given=None)
                yield from doubtful
                doubtful = []
            continue
        yield from map(_refusal, doubtful)
        doubtful = []
        yield item
    yield from map(_refusal, doubtful)


def common_kl_weight(rows: Sequence[Row], *, given: float | None) -> float | None:
    """Return the KL's weight by which most of *rows* add up, *given* or fitted; None where they do not."""
    weight = fit_kl_weight(rows) if given is None else given
    checked = [row for row in rows if _parts(row) is not None]
    if weight is None or not checked:
        return weight if given is not None else None
    agreeing = sum(not contradicts(row, weight) for row in checked)
    return weight if agreeing >= MOST * len(checked) else None


def contradicts(row: Row, kl_weight: float) -> bool:
    """Return whether the total of *row* is not its nll + *kl_weight* * kl. A row without one of them is not."""
    parts = _parts(row)
    if parts is None:
        return False
    total, nll, kl = parts
    return abs(total - nll - kl_weight * kl) > TOLERANCE * abs(total) + ROUNDING


def _parts(row: Row) -> tuple[float, float, float] | None:
    total, nll, kl = (figure(row, name) for name in ("total", "nll", "kl"))
    return None if total is None or nll is None or kl is None else (total, nll, kl)


def _refusal(row: Row) -> Refusal:
    total, nll, kl = (figure(row, name) for name in ("total", "nll", "kl"))
    return Refusal(row.line, CONTRADICTION, row.text, f"total {total:g}, nll {nll:g}, kl {kl:g}")
