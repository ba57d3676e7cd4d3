"""The mean of a few floats, exact before it is rounded."""

from __future__ import annotations

import statistics
from fractions import Fraction
from math import fsum


def mean(values: list[float]) -> float:
    """Return the mean of *values*. Their sum may exceed what a float can hold."""
    try:
        return fsum(values) / len(values)
    except OverflowError:
        return statistics.mean(values)


def weighted_mean(values: list[float], weights: list[int]) -> float:
    """Return the mean of *values*, each of which counts as often as its weight says."""
    total = sum(weights)
    try:
        return fsum(value * (weight / total) for value, weight in zip(values, weights, strict=True))
    except OverflowError:  # the parts of the largest floats, each rounded up, may exceed them
        return float(sum(Fraction(value) * weight for value, weight in zip(values, weights, strict=True)) / total)
