"""How much a mean is worth: its standard error, where consecutive values are correlated."""

from __future__ import annotations

from itertools import pairwise
from math import fsum, isfinite, sqrt

from vae_exporter._record.mean import mean

MAX_CORRELATION = 0.97
"""Above this, the values of a window are in effect one value, and no finite window would do."""

NEEDED_MEANS = 10
"""Of a window with fewer means, the scatter is estimated from this many, the newest ones."""


def standard_error(values: list[float], batch_means: list[float]) -> float | None:
    """Return the standard error of the mean of *values*, in their unit; None if it cannot be estimated.

    Consecutive losses are correlated: the loader reads one video after the other, and weights change slowly. So
    sd / sqrt(n) is too small. This is the larger of two estimates:

    * The standard error of an AR(1) process (Priestley, "Spectral Analysis and Time Series", 1981, section 5.3.2):
      sd / sqrt(n) * sqrt((1 + r) / (1 - r)), where r is the correlation of consecutive values. Its estimate from n
      values is too low by about (1 + 3 r) / n (Kendall, "Note on bias in the estimation of autocorrelation",
      Biometrika 41, 1954), which is added.
    * The batch means: the standard deviation of *batch_means*, which are the means of consecutive equal parts of the
      window, over the square root of their number. It sees correlation that lasts longer than a few values.
    """
    count = len(values)
    if count < 3:  # noqa: PLR2004 - fewer have no correlation
        return None
    center = mean(values)
    deviations = [value - center for value in values]
    squares = fsum(deviation * deviation for deviation in deviations)
    if squares == 0:
        return 0.0
    if not isfinite(squares):
        return None
    products = fsum(one * next_one for one, next_one in pairwise(deviations))
    correlation = max(products / squares, 0.0)
    correlation = min(correlation + (1 + 3 * correlation) / count, MAX_CORRELATION)
    by_correlation = sqrt(squares / (count - 1) / count * (1 + correlation) / (1 - correlation))
    return max(by_correlation, _of_batches(batch_means))


def standard_error_of_means(means: list[float], counts: list[int], shares: list[int]) -> float | None:
    """Return the standard error of a mean of means, in their unit; None if it cannot be estimated.

    A window holds few printed means, such as two of 50 steps each. The scatter of one step is therefore estimated from
    the differences between the newest `NEEDED_MEANS` (von Neumann, "The mean square successive difference", Annals of
    Mathematical Statistics 12, 1941), which a rise from one level to another hardly widens.

    Args:
        means: All means, from the oldest to the newest one of the window.
        counts: How many steps each of them is of.
        shares: For each mean of the window, the newest ones of *means*: how many of its steps are in the window.
    """
    if len(shares) >= NEEDED_MEANS:
        return standard_error(means[-len(shares) :], [])
    newest = list(zip(means, counts, strict=True))[-NEEDED_MEANS:]
    squares = [(one - other) ** 2 / (1 / steps + 1 / more) for (one, steps), (other, more) in pairwise(newest)]
    if len(squares) < 3 or not isfinite(sum(squares)):  # noqa: PLR2004 - fewer have no scatter
        return None
    bias = 1 / len(newest)  # of the correlation, as above
    of_one_step = fsum(squares) / len(squares) * (1 + bias) / (1 - bias)
    parts = fsum(share * share / steps for share, steps in zip(shares, counts[-len(shares) :], strict=True))
    return sqrt(of_one_step * parts) / sum(shares)


def _of_batches(means: list[float]) -> float:
    count = len(means)
    if count < 2:  # noqa: PLR2004 - one has no scatter
        return 0.0
    center = mean(means)
    return sqrt(fsum((one - center) ** 2 for one in means) / (count - 1) / count)
