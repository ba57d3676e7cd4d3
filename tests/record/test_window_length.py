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
