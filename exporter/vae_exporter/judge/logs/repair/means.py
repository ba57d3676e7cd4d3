"""Turn the rows of a log into losses by step: each step between two rows gets the mean of these steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.repair.weights import unscaled
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vae_exporter.judge.logs.rows import Row, RunningMean

MAX_RELATIVE_ERROR = 0.08
"""The largest relative rounding error of a mean. The median of 20 losses is 8 to 18 % below their mean in nine recorded
runs, because losses are skewed, so above this error the median may be more accurate."""

MAX_MEAN_STEPS = 400
"""The longest gap that a mean may cover, because the windows of the rules do not reach further back."""

MAX_MEDIAN_STEPS = 100
"""The longest gap that a median may cover. In a longer gap, it only covers its own 20 steps."""

MEDIAN_STEPS = 20

MAX_OUTLIER = 5.0
"""A mean above this multiple of the median is not used: it reflects a few outliers, or the process restarted."""

_SUMMED = ("nll", *NLL_PARTS)


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps that all have the same *values*.

    Args:
        first: The first step.
        last: The last step.
        values: The values of each step.
        by_median: Whether medians stand in for means. Medians do not add up.
        nonfinite: Losses that were NaN or infinite at one of these steps, but not at all of them.
        seconds: The duration of a step. None if the log does not report it.
        validation: The losses of an evaluation after the last step.
    """

    first: int
    last: int
    values: Mapping[str, float]
    by_median: bool = False
    nonfinite: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    validation: Mapping[str, float] = field(default_factory=dict)


def stretches(rows: Iterable[Row], weights: Mapping[str, float], *, are_means: bool = False) -> Iterator[Stretch]:
    """Yield the losses by step of one run's *rows*.

    A row of single values covers only its own step, since nothing is known about the steps before it, unless its losses
    are means of them (*are_means*). If medians stand in for means, rec and perception are scaled so that they add up to
    the NLL by *weights*, because the rules check it.
    """
    before: Row | None = None
    trusts_means = True
    for row in rows:
        if not row.values:
            yield Stretch(row.step or 0, row.step or 0, {}, validation=row.validation)
            continue
        if row.epoch_index is None:
            yield _single(row, before, is_mean=are_means)
        else:
            trusts_means = _covers_epoch(before, row, trusts_means=trusts_means)
            stretch = _since(before, row, trusts_means=trusts_means)
            yield _summing(stretch, weights) if stretch.by_median else stretch
        before = row


def mean_between(before: int, mean_before: RunningMean | None, last: int, mean: RunningMean) -> tuple[float, float]:
    """Return the mean of the steps after *before* up to *last*, and its maximum rounding error.

    The running means cover the steps from 0 on. For the first row, *before* is -1 and *mean_before* is None.
    """
    steps = last - before
    total, error = mean.value * (last + 1), mean.half_digit * (last + 1)
    if mean_before is not None:
        total -= mean_before.value * (before + 1)
        error += mean_before.half_digit * (before + 1)
    return total / steps, error / steps


def _single(row: Row, before: Row | None, *, is_mean: bool) -> Stretch:
    step = row.step or 0
    seconds = row.step_seconds
    if seconds is None and before is not None and row.seconds is not None and before.seconds is not None:
        steps = step - (before.step or 0)
        seconds = (row.seconds - before.seconds) / steps if steps > 0 and row.seconds > before.seconds else None
    if is_mean and before is not None and (before.step or 0) < step:
        return Stretch((before.step or 0) + 1, step, row.values, seconds=seconds, validation=row.validation)
    return Stretch(step, step, row.values, seconds=seconds, validation=row.validation)


def _covers_epoch(before: Row | None, row: Row, *, trusts_means: bool) -> bool:
    """Return whether the means of *row* cover its epoch from the start. They do not after a resume within the epoch."""
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
        if mean is None:  # a single value, such as the learning rate
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
    if not all(map(math.isfinite, values.values())):  # true of one of the last 20 steps, not known of those before
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
