"""Losses by step of what a log prints."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest
from recorded_runs import LOSS_WEIGHTS, recorded_rows

from vae_exporter.judge.logs.repair.means import Stretch, mean_between, stretches
from vae_exporter.judge.logs.rows import Row, RunningMean

HALF_DIGIT = 0.00005


def printed(index: int, value: float, mean: float, *, epoch: int = 0) -> Row:
    means = {"nll": RunningMean(mean, HALF_DIGIT)}
    return Row(1, "", 2000 * epoch + index, {"nll": value}, means, epoch=epoch, epoch_index=index)


def nlls(*rows: Row) -> list[tuple[int, int, float]]:
    return [(one.first, one.last, one.values["nll"]) for one in stretches(rows, {})]


def test_the_mean_between_two_rows_follows_from_their_running_means() -> None:
    values = [0.1] * 41 + [0.3] * 40
    before, now = RunningMean(fmean(values[:41]), HALF_DIGIT), RunningMean(fmean(values), HALF_DIGIT)
    mean, error = mean_between(40, before, 80, now)
    assert mean == pytest.approx(0.3)
    assert error == pytest.approx(HALF_DIGIT * (81 + 41) / 40)


def test_the_mean_is_exact_within_its_bound() -> None:
    generator = random.Random(1)  # noqa: S311 - the same figures each time
    values = [generator.uniform(0.1, 0.3) for _ in range(400)]
    for last in range(40, 400, 40):
        before, now = (RunningMean(round(fmean(values[: step + 1]), 4), HALF_DIGIT) for step in (last - 40, last))
        mean, error = mean_between(last - 40, before, last, now)
        assert abs(mean - fmean(values[last - 39 : last + 1])) <= error


def test_each_step_between_two_rows_bears_their_mean_and_the_first_row_that_of_its_beginning() -> None:
    rows = [printed(40, 0.1, 0.1), printed(80, 0.29, (41 * 0.1 + 40 * 0.3) / 81)]
    [(_, _, first), (_, _, second)] = found = nlls(*rows)
    assert [one[:2] for one in found] == [(0, 40), (41, 80)]
    assert [first, second] == pytest.approx([0.1, 0.3])


def test_the_median_stands_where_rounding_could_spoil_the_mean() -> None:
    assert nlls(printed(4000, 0.18, 0.1802), printed(4040, 0.1777, 0.1802))[1] == (4001, 4040, 0.1777)


def test_the_means_begin_anew_with_each_epoch() -> None:
    rows = [printed(1960, 0.1, 0.1), printed(0, 0.5, 0.5, epoch=1), printed(40, 0.3, 0.3, epoch=1)]
    assert nlls(*rows)[1:] == [(2000, 2000, 0.5), (2001, 2040, pytest.approx((41 * 0.3 - 0.5) / 40))]


def test_a_mean_that_the_running_means_cannot_have_gives_way_to_the_median() -> None:
    # A process that goes on within its epoch begins its means anew: what follows from them is nonsense.
    assert nlls(printed(500, 0.3, 0.3), printed(520, 0.16, 0.16))[1] == (501, 520, 0.16)
    assert nlls(printed(500, 0.16, 0.16), printed(520, 0.3, 0.3))[1] == (501, 520, 0.3)


def test_the_means_of_a_process_that_went_back_to_within_an_epoch_are_not_trusted() -> None:
    rows = [printed(500, 0.16, 0.16), printed(320, 0.5, 0.5), printed(340, 0.3, 0.4), printed(0, 0.2, 0.2, epoch=1)]
    assert nlls(*rows)[1:] == [(301, 320, 0.5), (321, 340, 0.3), (2000, 2000, 0.2)]


def test_a_median_stands_for_its_own_20_steps_alone_after_a_wide_gap() -> None:
    assert nlls(printed(40, 0.1, 0.1), printed(1040, 0.2, 0.15))[1] == (1021, 1040, 0.2)


def test_a_value_of_one_step_stands_for_that_step() -> None:
    rows = [Row(1, "", step, {"nll": 0.5}, seconds=2.0 * step) for step in (0, 50)]
    assert list(stretches(rows, {})) == [Stretch(0, 0, {"nll": 0.5}), Stretch(50, 50, {"nll": 0.5}, seconds=2.0)]


def test_a_median_that_is_nan_stands_for_the_last_20_steps() -> None:
    [_, (first, last, nll)] = nlls(printed(40, 0.1, 0.1), printed(80, math.nan, math.nan))
    assert (first, last) == (61, 80)
    assert math.isnan(nll)


def test_a_mean_that_becomes_nan_tells_of_a_nan_between() -> None:
    [_, stretch] = stretches([printed(40, 0.1, 0.1), printed(80, 0.1, math.nan)], {})
    assert stretch.values == {"nll": 0.1}
    assert list(stretch.nonfinite) == ["nll"]


def test_where_medians_stand_for_means_the_parts_are_made_to_add_up() -> None:
    found = list(stretches(recorded_rows("good_run"), LOSS_WEIGHTS))
    assert any(stretch.by_median for stretch in found)
    for stretch in found:
        total = sum(weight * stretch.values[name] for name, weight in LOSS_WEIGHTS.items())
        assert total == pytest.approx(stretch.values["nll"], rel=1e-9 if stretch.by_median else 0.03)
