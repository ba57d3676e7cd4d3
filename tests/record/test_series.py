"""The recent values of a loss, by step."""

from __future__ import annotations

from math import fsum, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_exporter._record.series import KEPT_VALUES, StepSeries


def series_of(*values: float | None, first: int = 0, kept: int = KEPT_VALUES) -> StepSeries:
    series = StepSeries(kept)
    for step, value in enumerate(values, first):
        series.append(step, value)
    return series


def test_a_mean_is_of_the_values_in_its_range() -> None:
    assert series_of(1, 2, 3, 4).mean(1, 2) == 2.5


def test_a_mean_over_steps_before_the_first_is_not_whole() -> None:
    series = series_of(1, 2, 3, first=100)
    assert series.mean(99, 102) is None
    assert series.mean(100, 102) == 2


def test_a_step_without_a_finite_value_is_part_of_the_range() -> None:
    series = series_of(1, None, 3)
    assert series.mean(0, 2) == 2
    assert series.mean(1, 1) is None
    assert series.newest == 2


def test_a_mean_can_ask_for_a_number_of_values() -> None:
    assert series_of(1, None, 3).mean(0, 2, at_least=3) is None
    assert series_of(1, 2, 3).mean(0, 2, at_least=3) == 2


def test_an_outlier_leaves_no_rounding_error_behind() -> None:
    assert series_of(0.1, 1e30, 0.1, 0.1).mean(2, 3) == 0.1


def test_steps_that_are_trained_again_replace_the_old_ones() -> None:
    series = series_of(1, 2, 3, 4)
    series.drop_from(2)
    series.append(2, 9)
    assert series.values(0, 5) == [1, 2, 9]
    assert series.is_whole(0)


def test_going_back_before_the_first_step_begins_there() -> None:
    series = series_of(1, 2, first=100)
    series.drop_from(50)
    series.append(50, 7)
    assert series.mean(50, 50) == 7
    assert series.mean(49, 50) is None


def test_old_values_are_forgotten_and_their_range_is_no_longer_whole() -> None:
    series = series_of(*range(20), kept=10)
    series.append(20, 20)
    assert series.values(0, 20) == list(range(10, 21))
    assert not series.is_whole(9)
    assert series.is_whole(10)


def test_clearing_begins_anew() -> None:
    series = series_of(1, 2, 3)
    series.clear()
    series.append(3, 5)
    assert series.mean(3, 3) == 5
    assert series.mean(2, 3) is None


def test_a_copy_does_not_follow() -> None:
    series = series_of(1, 2)
    copy = series.copy()
    series.append(2, 3)
    assert copy.newest == 1
    assert copy.values(0, 9) == [1, 2]


@given(
    gaps=st.lists(st.integers(1, 30), min_size=1, max_size=60),
    oldest=st.integers(0, 200),
    length=st.integers(1, 200),
)
@settings(deadline=None)
def test_a_mean_agrees_with_the_definition(gaps: list[int], oldest: int, length: int) -> None:
    steps = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    series = StepSeries()
    for step in steps:
        series.append(step, step / 7)
    inside = [step / 7 for step in steps if oldest <= step < oldest + length]
    expected = fsum(inside) / len(inside) if inside and steps[0] <= oldest else None
    assert (
        series.mean(oldest, oldest + length - 1) == pytest.approx(expected)
        if expected is not None
        else (series.mean(oldest, oldest + length - 1) is None)
    )


def series_of_means(*means: tuple[int, float, int]) -> StepSeries:
    series = StepSeries()
    for step, value, count in means:
        series.append(step, value, count)
    return series


def test_a_mean_counts_for_each_step_that_it_is_of() -> None:
    series = series_of_means((49, 0.2, 50), (99, 0.4, 50))
    assert series.mean(0, 99) == pytest.approx(0.3)
    assert series.mean(40, 89) == pytest.approx((10 * 0.2 + 40 * 0.4) / 50)
    assert series.mean(80, 89) == 0.4  # within the second one
    assert series.mean(0, 99, at_least=100) == pytest.approx(0.3)


def test_steps_before_the_first_mean_are_not_whole() -> None:
    assert series_of_means((149, 0.2, 50)).mean(99, 149) is None
    assert series_of_means((149, 0.2, 50)).mean(100, 149) == 0.2


def test_a_mean_counts_only_for_the_steps_since_the_value_before() -> None:
    """Some trainers print the mean of the last 50 steps at each tenth step."""
    series = series_of_means((49, 0.2, 50), (59, 0.4, 50))
    assert series.mean(0, 59) == pytest.approx((50 * 0.2 + 10 * 0.4) / 60)


def test_single_values_before_a_mean_count_once() -> None:
    series = series_of_means((0, 1.0, 1), (10, 0.1, 10))
    assert series.mean(0, 10) == pytest.approx((1 + 10 * 0.1) / 11)


def test_the_evidence_of_means_is_that_of_the_steps_they_are_of() -> None:
    series = series_of_means(*((50 * row - 1, 0.2 + 0.01 * (row % 2), 50) for row in range(1, 11)))
    count, error = series.evidence(400, 499, 10)
    assert count == 100
    assert error == pytest.approx(0.01 / 2 * sqrt(1.1 / 0.9))


@pytest.mark.parametrize("dropped", [75, 100])
def test_a_mean_that_ends_before_a_resume_stays(dropped: int) -> None:
    series = series_of_means((49, 0.2, 50), (99, 0.4, 50))
    series.drop_from(dropped)
    assert series.newest == dropped - 1 if dropped < 100 else 99
    assert series.mean(0, 49) == 0.2


def test_a_copy_of_means_is_independent() -> None:
    series = series_of_means((49, 0.2, 50))
    copied = series.copy()
    series.append(99, 0.4, 50)
    assert copied.mean(0, 49) == 0.2
    assert copied.evidence(0, 49, 10) == (50, None)  # the scatter of one mean is unknown
