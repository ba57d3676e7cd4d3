"""The standard error of a mean of correlated values."""

from __future__ import annotations

import random
from math import sqrt
from statistics import fmean, stdev

import pytest

from vae_exporter._record.evidence import standard_error, standard_error_of_means

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


@pytest.mark.parametrize(("steps", "correlation"), [(20, 0.0), (50, 0.0), (20, 0.5), (50, 0.5), (50, 0.9)])
def test_the_error_of_printed_means_is_that_of_the_values_in_them(steps: int, correlation: float) -> None:
    rng = random.Random(3)  # noqa: S311
    runs = [correlated(rng, correlation, 10 * steps) for _ in range(200)]
    true = stdev(fmean(run[-COUNT:]) for run in runs)
    rows = [[fmean(run[first : first + steps]) for first in range(0, 10 * steps, steps)] for run in runs]
    errors = [standard_error_of_means(row, [steps] * 10, [steps] * (COUNT // steps)) for row in rows]
    assert 0.75 * true <= sorted(error or 0 for error in errors)[100] <= 1.5 * true


def test_a_jump_hardly_widens_the_error_of_printed_means() -> None:
    before_and_after = [0.17, 0.18] * 4 + [0.5, 0.5]
    error = standard_error_of_means(before_and_after, [50] * 10, [50, 50])
    assert error is not None
    assert 0.5 - 3 * error > 0.3


def test_one_high_mean_is_no_evidence() -> None:
    error = standard_error_of_means([0.2] * 9 + [0.8], [50] * 10, [50, 50])
    assert error is not None
    assert (0.2 + 0.8) / 2 - 3 * error <= 0.2


def test_a_single_value_at_the_start_of_an_epoch_says_little_about_the_means() -> None:
    means = [0.2, 0.21, 0.2, 0.21, 0.6, 0.2, 0.21, 0.2, 0.21, 0.2]
    counts = [50] * 4 + [1] + [50] * 5
    error = standard_error_of_means(means, counts, [50, 50])
    as_if_a_mean = standard_error_of_means(means, [50] * 10, [50, 50])
    assert error is not None
    assert as_if_a_mean is not None
    assert error < as_if_a_mean / 3


def test_fewer_than_four_means_say_nothing() -> None:
    assert standard_error_of_means([0.2, 0.3, 0.2], [50] * 3, [50, 50]) is None


def test_ten_means_in_the_window_are_judged_like_values() -> None:
    means = [0.2 + 0.01 * (row % 3) for row in range(10)]
    assert standard_error_of_means(means, [10] * 10, [10] * 10) == standard_error(means, [])
