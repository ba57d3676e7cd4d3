"""Which step a training is at, how many there were, and how long each took."""

from __future__ import annotations

import math

import pytest
import torch
from simulated_training import START, Training, mean
from stand_in_torch import StandInTorch

from vae_exporter._record.facts import DURATION_BUCKETS


class TestStart:
    def test_before_the_first_step(self, training: Training) -> None:
        facts = training.facts
        assert (facts.state, facts.steps.newest, facts.steps.start, facts.steps.is_resumed) == (
            "running",
            None,
            None,
            False,
        )
        assert (facts.start_time, facts.steps.newest_time, facts.end_time) == (START, START, 0.0)
        assert (facts.steps.observed, facts.steps.durations.sum, sum(facts.steps.durations.counts)) == (0, 0.0, 0)
        assert (training.nll.last, training.nll.start, training.nll.windows) == (None, None, None)

    def test_the_first_step_observed_is_the_start_step(self, training: Training) -> None:
        training.observe(300)
        training.observe(301)
        assert (training.steps.start, training.steps.is_resumed) == (300, False)

    @pytest.mark.parametrize(("start_step", "resumed"), [(0, False), (1, True), (5000, True)])
    def test_a_run_that_goes_on_from_a_later_step_is_resumed(self, start_step: int, *, resumed: bool) -> None:
        training = Training(start_step=start_step)
        training.observe(start_step + 10)
        assert (training.steps.start, training.steps.is_resumed) == (start_step, resumed)


class TestSteps:
    def test_a_step_given_in_several_calls_counts_once(self, training: Training) -> None:
        training.observe(7, nll=0.5)
        training.observe(7, discriminator=0.9)
        training.observe(8, nll=0.4)
        assert (training.steps.newest, training.steps.observed) == (8, 2)
        assert training.facts.losses["discriminator"].last == 0.9

    def test_a_loss_given_twice_at_a_step_is_averaged(self, training: Training) -> None:
        for step in range(10):
            training.observe(step, nll=1.0)
            training.observe(step, nll=2.0)
        assert mean(training.nll) == 1.5

    def test_without_a_number_each_call_is_the_next_step(self, training: Training) -> None:
        seen = []
        for step in (None, None, 40, None):
            training.observe(step, nll=0.5)
            seen.append(training.steps.newest)
        assert seen == [0, 1, 40, 41]

    def test_without_a_number_a_resumed_run_counts_from_its_start_step(self) -> None:
        training = Training(start_step=5000)
        training.observe(None, nll=0.5)
        assert training.steps.newest == 5000

    @pytest.mark.parametrize(
        ("step", "kind"),
        [("7", "str"), (7.5, "float"), (math.inf, "float"), (torch.tensor(7), "Tensor"), ([7], "list")],
    )
    def test_a_step_that_is_no_whole_number_is_refused(
        self, training: Training, caplog: pytest.LogCaptureFixture, step: object, kind: str
    ) -> None:
        training.observe(step, nll=0.5)
        assert (training.steps.newest, training.steps.observed, training.nll.last) == (None, 0, None)
        assert training.facts.dropped["invalid"] == 1
        assert f"step is of type {kind}: give a whole number, or None to count by itself" in caplog.text

    def test_a_step_on_a_device_is_refused_unread(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(device.tensor(7), nll=0.5)
        assert (training.steps.newest, training.facts.dropped["invalid"]) == (None, 1)

    def test_the_last_step_bears_the_time_when_it_was_first_observed(self, training: Training) -> None:
        training.observe(1, after=5)
        training.observe(1, after=5)
        assert training.steps.newest_time == START + 5


class TestDurations:
    def test_each_lasts_from_one_step_to_the_next(self, training: Training) -> None:
        for step, seconds in enumerate([100.0, 0.01, 0.02, 3.0, 2000.0]):
            training.observe(step, after=seconds)
        counts = dict(zip([*DURATION_BUCKETS, math.inf], training.steps.durations.counts, strict=True))
        assert {bound: count for bound, count in counts.items() if count} == {0.01: 1, 0.025: 1, 5.0: 1, math.inf: 1}
        assert training.steps.durations.sum == pytest.approx(2003.03)

    def test_a_step_given_in_several_calls_has_one(self, training: Training) -> None:
        for step in (1, 1, 2, 2):
            training.observe(step, after=3)
        assert (sum(training.steps.durations.counts), training.steps.durations.sum) == (1, 6.0)

    def test_the_way_back_has_none(self, training: Training) -> None:
        """Loading a checkpoint is no step."""
        training.observe(10)
        training.observe(5, after=300)
        training.observe(6, after=2)
        assert (sum(training.steps.durations.counts), training.steps.durations.sum) == (1, 2.0)


class TestOddSteps:
    def test_a_float_that_is_whole_is_a_step(self, training: Training) -> None:
        training.observe(7.0, nll=0.5)
        assert training.steps.newest == 7

    @pytest.mark.parametrize("step", [2**63, -(2**63), 10**400, 1e300])
    def test_a_number_that_no_step_has_is_refused(
        self, training: Training, caplog: pytest.LogCaptureFixture, step: float
    ) -> None:
        training.observe(step, nll=0.5)
        assert training.steps.newest is None
        assert "step is above 2**63" in caplog.text


class TestPauses:
    def test_they_are_left_out_of_the_steps_durations(self, training: Training) -> None:
        training.observe(1)
        training.elapsed += 1.0
        training.recorder.pause()
        assert training.state() == "paused"
        training.elapsed += 1000.0
        training.recorder.pause()  # one within another
        training.elapsed += 1000.0
        training.recorder.resume()
        assert training.state() == "paused"
        training.elapsed += 1000.0
        training.recorder.resume()
        assert training.state() == "running"
        training.observe(2, after=2.0)
        assert training.steps.durations.sum == 3.0

    def test_a_step_within_one_is_timed_without_it(self, training: Training) -> None:
        training.observe(1)
        training.recorder.pause()
        training.observe(2, after=1000.0)
        training.elapsed += 1000.0
        training.recorder.resume()
        training.observe(3, after=2.0)
        assert training.steps.durations.sum == 2.0


def test_a_step_that_falls_to_0_is_told_once(training: Training, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        training.observe(0)
        training.observe(1999)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["the step fell from 1999 to 0"]
