"""Test how runs, resumes and repeated pastes are distinguished by their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.judge.logs.repair.repeats import refuse_repeats
from vae_exporter.judge.logs.rows import BAD_STEP, DUPLICATE, Row
from vae_exporter.judge.logs.runs import split_into_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def row(step: int | None, nll: float = 0.5, epoch: int | None = None) -> Row:
    return Row(1, "", step, {"nll": nll}, epoch=epoch)


def split(rows: Iterable[Row]) -> list[tuple[int, int | None] | str]:
    """Return the run and step of each row, and the reason of each refusal."""
    items = split_into_runs(refuse_repeats(rows))
    return [(run, item.step) if isinstance(item, Row) else item.reason for run, item in items]


def test_increasing_steps_are_one_run() -> None:
    assert split(map(row, (0, 40, 80, 2000))) == [(0, 0), (0, 40), (0, 80), (0, 2000)]


@pytest.mark.parametrize("start", [0, 40])
def test_going_back_to_the_start_begins_another_run(start: int) -> None:
    steps = [*range(0, 840, 40), *range(start, 120, 40)]
    rows = [row(step, nll=number) for number, step in enumerate(steps)]
    assert split(rows)[21:] == [(1, step) for step in range(start, 120, 40)]


def test_going_back_less_far_is_a_resume() -> None:
    rows = [row(step, nll=number) for number, step in enumerate([*range(0, 1000, 40), 520, 560, 600])]
    assert split(rows)[-3:] == [(0, 520), (0, 560), (0, 600)]


def test_a_single_step_that_goes_back_is_a_misprint() -> None:
    rows = [row(step, nll=number) for number, step in enumerate([400, 440, 480, 52, 560, 600])]
    assert split(rows) == [(0, 400), (0, 440), (0, 480), BAD_STEP, (0, 560), (0, 600)]


def test_steps_counted_within_each_epoch_are_made_cumulative() -> None:
    rows = [row(step, nll=epoch + step, epoch=epoch) for epoch in range(3) for step in (0, 1, 2)]
    assert split(rows) == [(0, step) for step in range(9)]


def test_rows_without_a_step_are_counted_and_rows_with_different_losses_share_one() -> None:
    rows = [row(None, 0.1), Row(2, "", None, {"discriminator": 0.3}), row(None, 0.2), row(None, 0.3)]
    assert split(rows) == [(0, 0), (0, 0), (0, 1), (0, 2)]


@given(first=st.integers(0, 30), again=st.integers(0, 30), beyond=st.integers(1, 20))
def test_rows_that_were_pasted_twice_are_used_once(first: int, again: int, beyond: int) -> None:
    steps = range(0, 40 * 60, 40)
    parts = [*range(first + 30), *range(min(again, first + 29), min(first + 30 + beyond, 60))]
    found = split(row(steps[place], nll=place) for place in parts)
    taken = [item for item in found if item != DUPLICATE]
    assert taken == [(0, steps[place]) for place in range(min(first + 30 + beyond, 60))]


@pytest.mark.parametrize(
    ("nlls", "kept"),
    [
        ([*range(1, 20), *range(5, 20), 20], [*range(1, 21)]),
        ([1, 2, 3, 2, 3, 9], [1, 2, 3, 2, 3, 9]),
        ([1] * 20, [1] * 20),
    ],
    ids=["pasted twice", "coincidence", "constant loss"],
)
def test_rows_without_a_step_are_repeats_only_if_several_repeat_in_order(
    nlls: Sequence[float], kept: Sequence[float]
) -> None:
    items = refuse_repeats(row(None, nll) for nll in nlls)
    assert [item.values["nll"] for item in items if isinstance(item, Row)] == kept
