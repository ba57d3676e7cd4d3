"""Two simple detectors that people write instead, on the same values."""

from __future__ import annotations

from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BAD = 0.30

WARM_UP_STEPS = 1000
"""Steps for which a detector is silent, because every run starts high."""


def moving_average(values: Iterable[tuple[int, float]], *, weight: float = 0.01) -> int | None:
    """Return the first step at which the exponential moving average of the NLL is above *bad*."""
    average = None
    for step, value in values:
        average = value if average is None else (1 - weight) * average + weight * value
        if step >= WARM_UP_STEPS and average > BAD:
            return step
    return None


def spike_detection(values: Iterable[tuple[int, float]], *, window: int = 10, tolerance: float = 2.0) -> int | None:
    """Return the first spike as Lightning's ``SpikeDetection`` finds it with its defaults.

    A spike differs from the running mean of the last *window* values by *tolerance* times that mean, and is above the
    value before. See lightning.fabric.utilities.spike.
    """
    recent: deque[float] = deque(maxlen=window)
    for step, value in values:
        if recent:
            mean = fmean(recent)
            if value > recent[-1] and abs(value - mean) >= tolerance * mean:
                if step >= WARM_UP_STEPS:
                    return step
                continue
        recent.append(value)
    return None
