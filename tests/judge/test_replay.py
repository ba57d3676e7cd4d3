"""Test the pace of replayed runs."""

from __future__ import annotations

from typing import Any

import pytest

from vae_exporter.judge.logs.repair.means import Stretch
from vae_exporter.judge.replay import USUAL_STEP_SECONDS, tell


class Clock:
    """A simulated clock, which advances when the replay sleeps, and by *step_takes* with each step."""

    def __init__(self, step_takes: float = 0.0) -> None:
        self.now = 100.0
        self.told: list[tuple[float, int, dict[str, Any]]] = []
        self._step_takes = step_takes

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def observe(self, step: int, **values: object) -> None:
        self.told.append((round(self.now - 100, 6), step, values))
        self.now += self._step_takes


def told(clock: Clock, *stretches: Stretch, speed: float) -> list[tuple[float, int]]:
    tell(stretches, clock.observe, speed=speed, sleep=clock.sleep, monotonic=clock.monotonic)
    return [(seconds, step) for seconds, step, _ in clock.told]


def test_steps_are_replayed_at_their_original_pace_times_the_speed() -> None:
    stretches = [Stretch(0, 1, {"nll": 0.5}, seconds=2.0), Stretch(50, 50, {"nll": 0.25}, seconds=1.0)]
    clock = Clock()
    assert told(clock, *stretches, speed=10) == [(0.2, 0), (0.4, 1), (5.3, 50)]
    means = [{"mean_over": 1}, {"nll": 0.5, "mean_over": 2}, {"nll": 0.25, "mean_over": 1}]
    assert [values for *_, values in clock.told] == means


def test_an_evaluation_is_replayed_after_its_step() -> None:
    clock = Clock()
    told(clock, Stretch(7, 7, {"nll": 0.5}, validation={"nll": 0.6}), speed=1)
    assert [values for *_, values in clock.told] == [
        {"nll": 0.5, "mean_over": 1},
        {"nll": 0.6, "split": "validation"},
    ]


def test_a_log_without_times_is_replayed_at_the_default_pace() -> None:
    assert told(Clock(), Stretch(0, 0, {"nll": 0.5}), speed=1) == [(USUAL_STEP_SECONDS, 0)]


def test_a_slow_step_shortens_the_following_waits() -> None:
    stretch = Stretch(1, 4, {"nll": 0.5}, seconds=1.0)
    assert told(Clock(step_takes=0.5), stretch, speed=1) == [(1.0, 1), (2.0, 2), (3.0, 3), (4.0, 4)]


def test_going_back_to_an_earlier_step_takes_a_single_step_time() -> None:
    stretches = [Stretch(step, step, {"nll": 0.5}, seconds=1.0) for step in (1, 2, 1)]
    assert told(Clock(), *stretches, speed=1) == [(1.0, 1), (2.0, 2), (3.0, 1)]


@pytest.mark.parametrize("gap", [10**6, 10**12], ids=["a million steps", "a trillion steps"])
def test_the_wait_between_two_sessions_is_limited(gap: int) -> None:
    stretches = [Stretch(step, step, {"nll": 0.5}, seconds=1.0) for step in (1, gap)]
    assert told(Clock(), *stretches, speed=1)[1] == (3601.0, gap)
