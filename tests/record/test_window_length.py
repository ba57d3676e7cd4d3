"""How long the windows are."""

from __future__ import annotations

import pytest

from vae_exporter._record.window_length import WindowLength


def observed(length: WindowLength, *steps: int) -> list[bool]:
    return [length.observe(step) for step in steps]


@pytest.mark.parametrize(("every", "long"), [(1, 100), (5, 100), (6, 1000), (50, 1000), (51, 10_000), (5000, 10_000)])
def test_a_long_window_holds_at_least_20_values_where_it_can(every: int, long: int) -> None:
    length = WindowLength()
    observed(length, *range(0, 10 * every, every))
    assert length.long == long
    assert length.short == long // 10


def test_it_is_not_known_before_three_gaps() -> None:
    length = WindowLength()
    observed(length, 0, 1, 2)
    assert length.long is None
    assert length.short is None
    observed(length, 3)
    assert length.long == 100


def test_one_wide_gap_changes_nothing() -> None:
    length = WindowLength()
    observed(length, *range(20))
    assert not any(observed(length, 500, 501, 502, 503))
    assert length.long == 100


def test_another_stride_begins_the_windows_anew_once() -> None:
    length = WindowLength()
    observed(length, *range(20))
    changes = observed(length, *range(30, 400, 20))
    assert changes.count(True) == 1
    assert length.long == 1000


def test_a_fixed_length_stays() -> None:
    length = WindowLength(500)
    assert not any(observed(length, *range(0, 1000, 50)))
    assert length.long == 500


def test_a_step_back_is_no_gap() -> None:
    length = WindowLength()
    observed(length, 100, 101, 5, 6, 7)
    assert length.long == 100


@pytest.mark.parametrize(("every", "long"), [(10, 100), (50, 100), (51, 200), (100, 200), (400, 1000), (9000, 10_000)])
def test_a_long_window_of_means_holds_two_of_them(every: int, long: int) -> None:
    length = WindowLength()
    for row in range(10):
        length.observe(every * row, every)
    assert length.long == long


def test_means_of_a_few_of_the_steps_between_them_need_longer_windows() -> None:
    length = WindowLength()
    for row in range(10):
        length.observe(50 * row, 10)
    assert length.long == 100
    for row in range(10, 20):
        length.observe(50 * row, 2)
    assert length.long == 500
