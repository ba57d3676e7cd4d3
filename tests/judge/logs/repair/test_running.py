"""Test which means beside the values of a log are taken as those since the start of the epoch."""

from __future__ import annotations

import random
from itertools import accumulate
from statistics import fmean

import pytest

from vae_exporter.judge.logs.repair.running import place_running_means
from vae_exporter.judge.logs.rows import DUPLICATE, Refusal, Row, RunningMean

EVERY = 20
STEPS = 4000
_GENERATOR = random.Random(1)  # noqa: S311 - reproducible
NLL = [0.2 * _GENERATOR.lognormvariate(0, 0.1) for _ in range(STEPS)]


def row(step: int, mean: float, *, epoch: int | None = None) -> Row:
    return Row(1, "", step, {"nll": NLL[step]}, {"nll": RunningMean(round(mean, 4), 0.00005)}, epoch=epoch)


def running(*, reset: int = STEPS, has_epoch: bool = False) -> list[Row | Refusal]:
    """Return rows whose mean begins anew every *reset* steps."""
    return [
        row(step, fmean(NLL[step // reset * reset : step + 1]), epoch=step // reset if has_epoch else None)
        for step in range(0, STEPS, EVERY)
    ]


def placed(rows: list[Row | Refusal]) -> list[Row]:
    return [item for item in place_running_means(rows) if isinstance(item, Row)]


def indexes(rows: list[Row | Refusal]) -> list[int | None]:
    return [item.epoch_index for item in placed(rows)]


def test_a_mean_since_the_first_step_covers_all_steps() -> None:
    assert indexes(running()) == list(range(0, STEPS, EVERY))


@pytest.mark.parametrize("has_epoch", [True, False])
def test_a_mean_that_begins_anew_covers_the_steps_of_its_epoch(*, has_epoch: bool) -> None:
    found = indexes(running(reset=800, has_epoch=has_epoch))
    assert found == [step % 800 for step in range(0, STEPS, EVERY)]


def test_the_mean_of_the_steps_since_the_row_before_is_left_out() -> None:
    rows: list[Row | Refusal] = [
        row(step, fmean(NLL[max(step - EVERY, 0) : step + 1])) for step in range(0, STEPS, EVERY)
    ]
    assert set(indexes(rows)) == {None}
    assert all(one.means == {} and one.values == {"nll": NLL[one.step or 0]} for one in placed(rows))


def test_a_moving_average_is_left_out_once_it_shows() -> None:
    averages = list(accumulate(NLL, lambda average, value: 0.9 * average + 0.1 * value))
    found = indexes([row(step, averages[step]) for step in range(0, STEPS, EVERY)])
    assert set(found[len(found) // 2 :]) == {None}


def test_a_log_that_resumed_does_not_have_the_steps_before() -> None:
    rows: list[Row | Refusal] = [row(step, fmean(NLL[1000 : step + 1])) for step in range(1000, STEPS, EVERY)]
    assert indexes(rows) == list(range(0, STEPS - 1000, EVERY))


def test_too_few_rows_show_nothing() -> None:
    assert indexes(running()[:5]) == [None] * 5


def test_a_divergence_does_not_end_a_mean() -> None:
    nll = [*NLL[:1000], *(3 * value for value in NLL[1000:2000])]
    rows: list[Row | Refusal] = [
        Row(1, "", step, {"nll": nll[step]}, {"nll": RunningMean(round(fmean(nll[: step + 1]), 4), 0.00005)})
        for step in range(0, 2000, EVERY)
    ]
    assert indexes(rows) == list(range(0, 2000, EVERY))


def test_refusals_and_rows_without_a_mean_keep_their_place() -> None:
    refusal, single = Refusal(1, DUPLICATE, ""), Row(2, "", 7, {"nll": 0.5})
    assert list(place_running_means([refusal, single, *running(), refusal, single]))[-2:] == [refusal, single]
    assert list(place_running_means([refusal, single])) == [refusal, single]
