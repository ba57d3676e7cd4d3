"""Losses by step of the rows of a log: what the steps between two rows had in the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.weights import unscaled
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vae_exporter.judge.logs.rows import Row, RunningMean

MAX_RELATIVE_ERROR = 0.02
"""How far rounding may put a mean off before the median is nearer to the truth."""

MAX_MEAN_STEPS = 400
"""A mean over more steps than the windows of the rules reach back says nothing about any of them."""

MAX_MEDIAN_STEPS = 100
"""So many steps, at most, is the median of the last 20 taken for; it is their own 20 alone where the gap is wider."""

MEDIAN_STEPS = 20

MAX_OUTLIER = 5.0
"""A mean that is this many times the median is one of a few outliers, or of a process that began its means anew."""

_SUMMED = ("nll", *NLL_PARTS)


@dataclass(frozen=True)
class Stretch:
    """The steps from *first* to *last*, each of which bears *values*.

    Args:
        by_median: whether medians stand for means in it. They do not add up.
        nonfinite: the losses that were NaN or infinite at one of these steps, not at all of them.
        seconds: how long one step took; None where the log does not say.
    """

    first: int
    last: int
    values: Mapping[str, float]
    by_median: bool = False
    nonfinite: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None


def stretches(rows: Iterable[Row], weights: Mapping[str, float]) -> Iterator[Stretch]:
    """Yield what *rows*, of one run, say of its steps.

    A row of single values stands for its own step alone: nothing is known of the steps before it. Where medians stand
    for means, rec and perception are scaled until they add up to the NLL by *weights*: nobody is to test a sum of them.
    """
    before: Row | None = None
    trusts_means = True
    for row in rows:
        if row.epoch_index is None:
            yield _single(row, before)
        else:
            trusts_means = _covers_epoch(before, row, trusts_means=trusts_means)
            stretch = _since(before, row, trusts_means=trusts_means)
            yield _summing(stretch, weights) if stretch.by_median else stretch
        before = row


def mean_between(before: int, mean_before: RunningMean | None, last: int, mean: RunningMean) -> tuple[float, float]:
    """Return the mean of the steps after *before* up to *last*, and by how much rounding may have put it off.

    The running means cover the steps from 0 on. *before* is -1 where *last* is the first row; None has no mean then.
    """
    steps = last - before
    total, error = mean.value * (last + 1), mean.half_digit * (last + 1)
    if mean_before is not None:
        total -= mean_before.value * (before + 1)
        error += mean_before.half_digit * (before + 1)
    return total / steps, error / steps


def _single(row: Row, before: Row | None) -> Stretch:
    step = row.step or 0
    seconds = row.step_seconds
    if seconds is None and before is not None and row.seconds is not None and before.seconds is not None:
        steps = step - (before.step or 0)
        seconds = (row.seconds - before.seconds) / steps if steps > 0 and row.seconds > before.seconds else None
    return Stretch(step, step, row.values, seconds=seconds)


def _covers_epoch(before: Row | None, row: Row, *, trusts_means: bool) -> bool:
    """Return whether the means of *row* began with its epoch: not where a process has gone back to within it."""
    if before is None or before.epoch != row.epoch:
        return True
    index = row.epoch_index or 0
    if index > (before.epoch_index or 0):
        return trusts_means
    return index < MAX_MEDIAN_STEPS


def _since(before: Row | None, row: Row, *, trusts_means: bool) -> Stretch:
    index, step = row.epoch_index or 0, row.step or 0
    goes_on = before is not None and before.epoch == row.epoch and -1 < (before.epoch_index or 0) < index
    start = (before.epoch_index or 0) if before is not None and goes_on else -1
    means_before = before.means if before is not None and goes_on else {}
    steps = index - start
    values = {}
    medians = set()
    for name, median in row.values.items():
        mean, mean_before = row.means.get(name), means_before.get(name)
        values[name] = median
        if mean is None:  # printed as it is: the learning rate
            continue
        between, error = mean_between(start, mean_before, index, mean)
        known = trusts_means and steps <= MAX_MEAN_STEPS and (mean_before is not None or not goes_on)
        if known and _is_trusted(between, error, median):
            values[name] = between
        elif name in _SUMMED:
            medians.add(name)
    nonfinite = {
        name: mean.value
        for name, mean in row.means.items()
        if not math.isfinite(mean.value)
        and math.isfinite(row.values[name])
        and (name not in means_before or math.isfinite(means_before[name].value))
    }
    if steps > (MAX_MEDIAN_STEPS if "nll" in medians else MAX_MEAN_STEPS):
        steps = MEDIAN_STEPS
    if not all(map(math.isfinite, values.values())):  # one of the last 20 was not: nothing is known of those before
        steps = min(steps, MEDIAN_STEPS)
    return Stretch(step - steps + 1, step, values, bool(medians), nonfinite, row.step_seconds)


def _is_trusted(between: float, error: float, median: float) -> bool:
    if not (math.isfinite(between) and math.isfinite(median)) or error > MAX_RELATIVE_ERROR * abs(between):
        return False
    if not median:
        return not between
    return 0 <= between / median <= MAX_OUTLIER


def _summing(stretch: Stretch, weights: Mapping[str, float]) -> Stretch:
    parts = [name for name in NLL_PARTS if name in stretch.values and name in weights]
    total = sum(weights[name] * stretch.values[name] for name in parts)
    logvar = stretch.values.get("logvar", 0.0)
    if "nll" not in stretch.values or not math.isfinite(total) or total <= 0 or abs(logvar) > 50:  # noqa: PLR2004 - exp
        return stretch
    target = unscaled(stretch.values["nll"], logvar)
    if not math.isfinite(target) or target <= 0:
        return stretch
    scaled = {name: stretch.values[name] * target / total for name in parts}
    return replace(stretch, values={**stretch.values, **scaled})
