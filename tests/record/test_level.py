"""The level that the NLL has held."""

from __future__ import annotations

import pytest

from vae_exporter._record.level import Level
from vae_exporter._record.series import StepSeries

LONG = 100


def follow(level: Level, *values: float, first: int = 0) -> None:
    nll, rec = StepSeries(), StepSeries()
    for step, value in enumerate(values, first):
        nll.append(step, value)
        rec.append(step, value / 10)
        level.observe(step, LONG, nll, {"rec": rec})


def test_nothing_is_known_before_a_window_is_whole() -> None:
    level = Level()
    follow(level, *[0.2] * 9)
    assert level.facts().best is None
    assert level.facts().held is None


def test_a_level_is_held_after_three_windows() -> None:
    level = Level()
    follow(level, *[0.2] * 299)
    assert level.facts().best == pytest.approx(0.2)
    assert level.facts().held is None
    level = Level()
    follow(level, *[0.2] * 300)
    assert level.facts().held == pytest.approx(0.2)


def test_the_held_level_is_the_highest_of_its_three_means() -> None:
    level = Level()
    follow(level, *[0.1] * 100, *[0.3] * 100, *[0.2] * 100)
    assert level.facts().best == pytest.approx(0.1)
    assert level.facts().held == pytest.approx(0.3)


def test_a_lucky_start_is_no_level() -> None:
    level = Level()
    follow(level, *[0.01] * 100, *[0.2] * 400)
    assert level.facts().best == pytest.approx(0.01)
    assert level.facts().held == pytest.approx(0.2)


def test_the_lowest_level_is_kept_with_the_means_of_its_time() -> None:
    level = Level()
    follow(level, *[0.2] * 310, *[0.5] * 400)
    facts = level.facts()
    assert facts.held == pytest.approx(0.2)
    assert facts.held_step is not None
    assert facts.held_step < 310
    assert facts.held_means == pytest.approx({"rec": 0.02})
    assert facts.highest == pytest.approx(0.5)


def test_a_rise_begins_after_the_last_step_at_the_level() -> None:
    level = Level()
    follow(level, *[0.2] * 350, *[0.5] * 100)
    last_step = level.facts().last_step
    assert last_step is not None
    assert 340 <= last_step < 350


def test_going_back_leaves_the_level_and_takes_the_last_step_back() -> None:
    level = Level()
    follow(level, *[0.2] * 400)
    level.go_back_to(300)
    assert level.facts().held == pytest.approx(0.2)
    assert level.facts().last_step == 299
