"""Refuse rows whose losses contradict each other, as those of two spliced lines do.

The total must be nll + kl weight * kl, and the NLL must be rec weight * rec + perception weight * perception. The total
of a GAN also has the generator's loss, with a weight that may change from step to step, so it is not checked.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.weights import figure, fit_kl_weight
from vae_exporter.judge.logs.rows import CONTRADICTION, Refusal, Row
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

TOLERANCES = {"total": 0.02, "nll": 0.25}
"""The relative tolerance of each sum. For the NLL it is large, since weights fitted to similar rows are imprecise."""

MEDIAN_TOLERANCE = 0.25
"""The tolerance for medians of 20 steps, which do not add up exactly. In recorded runs they are off by up to 11 %."""

ROUNDING = 1e-4
"""The rounding error of a value with four decimals is below this. It is multiplied by the weight of the value."""

MOST = 0.8
"""If fewer rows than this fraction add up, the sum has other terms, such as a GAN loss, and is not checked."""

_OTHER_TERMS = ("generator", "discriminator", "discriminator_factor")
"""A row with one of these is of a GAN."""

NOT_ALONE = 3
"""This many consecutive contradictions are not splices: the loss itself has changed."""


def refuse_contradictions(
    items: Iterable[Row | Refusal], *, kl_weight: float | None, weights: Mapping[str, float] | None = None
) -> Iterator[Row | Refusal]:
    """Yield *items*, with a refusal in place of each row that does not add up.

    The total is checked if *kl_weight* is known, and the NLL if *weights* are.
    """
    sums = _sums(kl_weight, weights or {})
    doubtful: list[tuple[Row, str]] = []
    for item in items:
        if isinstance(item, Refusal) or not item.values:  # a row of an evaluation has no values
            yield item
            continue
        why = _contradiction(item, sums)
        if why is not None:
            doubtful.append((item, why))
            if len(doubtful) == NOT_ALONE:
                rows = [row for row, _ in doubtful]
                sums = _sums(common_kl_weight(rows, given=None), {})
                yield from rows
                doubtful = []
            continue
        yield from (_refusal(row, reason) for row, reason in doubtful)
        doubtful = []
        yield item
    yield from (_refusal(row, reason) for row, reason in doubtful)


def common_kl_weight(rows: Sequence[Row], *, given: float | None) -> float | None:
    """Return the weight of the KL, *given* or fitted, or None if the totals of most *rows* do not add up with it."""
    weight = fit_kl_weight(rows) if given is None else given
    if weight is None:
        return None
    return weight if _most_add_up(rows, _sums(weight, {})) else None


def common_weights(rows: Sequence[Row], weights: Mapping[str, float]) -> Mapping[str, float]:
    """Return *weights* if most of *rows* add up with them, else no weights."""
    return weights if _most_add_up(rows, _sums(None, weights)) else {}


def _sums(kl_weight: float | None, weights: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Return, for each checked sum, the weights of its parts."""
    parts = {name: weights[name] for name in NLL_PARTS if name in weights}
    return {
        **({} if kl_weight is None else {"total": {"nll": 1.0, "kl": kl_weight}}),
        **({"nll": parts} if parts else {}),
    }


def _most_add_up(rows: Sequence[Row], sums: Mapping[str, Mapping[str, float]]) -> bool:
    checked = [row for row in rows if any(_figures(row, whole, parts) for whole, parts in sums.items())]
    agreeing = sum(_contradiction(row, sums) is None for row in checked)
    return agreeing >= MOST * len(checked)


def _contradiction(row: Row, sums: Mapping[str, Mapping[str, float]]) -> str | None:
    """Return the values of *row* that do not add up. None if all do, or if a part is unknown."""
    for whole, parts in sums.items():
        for figures, tolerance in (
            (_figures(row, whole, parts), TOLERANCES[whole]),
            (_medians(row, whole, parts), MEDIAN_TOLERANCE),
        ):
            if figures and not _adds_up(figures, whole, parts, tolerance):
                return ", ".join(f"{name} {value:g}" for name, value in figures.items())
    return None


def _figures(row: Row, whole: str, parts: Mapping[str, float]) -> dict[str, float]:
    """Return the values of the sum *whole* and of its *parts*, or nothing if one of them is unknown."""
    figures = {name: value for name in (whole, *parts) if (value := figure(row, name)) is not None}
    is_whole = len(figures) == 1 + len(parts)
    has_more = any(row.values.get(name) for name in (_OTHER_TERMS if whole == "total" else ("logvar",)))
    return figures if is_whole and not has_more else {}


def _medians(row: Row, whole: str, parts: Mapping[str, float]) -> dict[str, float]:
    if not _figures(row, whole, parts) or not row.means:
        return {}
    medians = {name: row.values[name] for name in (whole, *parts)}
    return medians if all(map(math.isfinite, medians.values())) else {}


def _adds_up(figures: Mapping[str, float], whole: str, parts: Mapping[str, float], tolerance: float) -> bool:
    total = sum(weight * figures[name] for name, weight in parts.items())
    rounding = ROUNDING * (1 + sum(parts.values()))
    return abs(figures[whole] - total) <= tolerance * abs(figures[whole]) + rounding


def _refusal(row: Row, why: str) -> Refusal:
    return Refusal(row.line, CONTRADICTION, row.text, why)
