"""How noisy the NLL of a run is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import fsum, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_exporter.stack.curve import Curve

MEANS = 30
"""How many short means are compared: a level lasts for three long windows, which are 30 short ones."""

FEWEST_MEANS = 3


@dataclass(frozen=True)
class Noise:
    """The scatter of the newest means over short windows.

    Args:
        spread: Their standard deviation, as a share of their mean.
        correlation: The correlation of a mean with the next one, between -1 and 1.
    """

    spread: float
    correlation: float


def noise_of(short_means: Curve, window_steps: float) -> Noise | None:
    """Return the noise of a run from its means over windows of *window_steps*; None for fewer than three means."""
    values = _apart(short_means, window_steps)[-MEANS:]
    if len(values) < FEWEST_MEANS:
        return None
    mean = fsum(values) / len(values)
    deviations = [value - mean for value in values]
    squares = fsum(deviation * deviation for deviation in deviations)
    if not squares:
        return Noise(0.0, 0.0)
    products = fsum(one * after for one, after in pairwise(deviations))
    return Noise(sqrt(squares / (len(values) - 1)) / mean, products / squares)


def _apart(means: Curve, window_steps: float) -> list[float]:
    """Return those of *means* whose windows do not overlap, from the newest backwards, oldest first."""
    chosen: list[float] = []
    last: float | None = None
    for step, value in zip(reversed(means.steps), reversed(means.values), strict=True):
        if last is None or step <= last - window_steps:
            chosen.append(value)
            last = step
    return chosen[::-1]
