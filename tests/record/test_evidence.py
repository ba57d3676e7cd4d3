"""The standard error of a mean of correlated values."""

from __future__ import annotations

import random
from math import sqrt
from statistics import fmean, stdev

import pytest

from vae_exporter._record.evidence import standard_error

COUNT = 100
SHORT = 10


def correlated(rng: random.Random, correlation: float, count: int = COUNT) -> list[float]:
    values = [rng.gauss(0, 1)]
    for _ in range(count - 1):
        values.append(correlation * values[-1] + sqrt(1 - correlation**2) * rng.gauss(0, 1))
    return values


def error_of(values: list[float]) -> float:
    batches = [fmean(values[first : first + SHORT]) for first in range(0, len(values), SHORT)]
    error = standard_error(values, batches)
    assert error is not None
    return error


@pytest.mark.parametrize(("correlation", "least"), [(0.0, 0.9), (0.5, 0.9), (0.9, 0.8)])
def test_it_covers_the_true_scatter_of_the_mean(correlation: float, least: float) -> None:
    rng = random.Random(1)  # noqa: S311 - the same noise each time
    windows = [correlated(rng, correlation) for _ in range(400)]
    true = stdev(fmean(window) for window in windows)
    typical = sorted(map(error_of, windows))[200]
    assert least * true <= typical <= 2.5 * true


def test_independent_values_cost_little_more_than_the_textbook() -> None:
    rng = random.Random(2)  # noqa: S311
    ratios = [error_of(values) / (stdev(values) / sqrt(COUNT)) for values in (correlated(rng, 0) for _ in range(200))]
    assert 1 <= fmean(ratios) <= 1.4


def test_constant_values_have_no_error() -> None:
    assert standard_error([0.2] * 20, [0.2] * 10) == 0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0]])
def test_fewer_than_three_values_say_nothing(values: list[float]) -> None:
    assert standard_error(values, values) is None


def test_slow_scatter_is_seen_by_the_batches() -> None:
    values = [float(step // 50) for step in range(100)]  # two plateaus: one step, and the rest constant
    batches = [fmean(values[first : first + SHORT]) for first in range(0, 100, SHORT)]
    textbook = stdev(values) / sqrt(100)
    assert standard_error(values, batches) > 3 * textbook  # type: ignore[operator]
