"""The number of the newest step, the count of steps, and their durations."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from simulated_training import START, Training
from stand_in_torch import StandInTorch

from vae_exporter._record.facts import DURATION_BUCKETS


class TestStart:
    def test_the_facts_before_the_first_step(self, training: Training) -> None:
        facts = training.facts
        assert (facts.state, facts.steps.newest, facts.steps.start, facts.steps.is_resumed) == (
            "running",
            None,
            None,
            False,
        )
        assert (facts.start_time, facts.steps.newest_time, facts.end_time) == (START, START, 0.0)
        assert (facts.steps.observed, facts.steps.durations.sum, sum(facts.steps.durations.counts)) == (0, 0.0, 0)
        assert (training.nll.last, training.nll.start, training.mean()) == (None, None, None)

    def test_the_first_step_observed_is_the_start_step(self, training: Training) -> None:
        training.observe(300)
        training.observe(301)
        assert (training.steps.start, training.steps.is_resumed) == (300, False)

    @pytest.mark.parametrize(("start_step", "resumed"), [(0, False), (1, True), (5000, True)])
    def test_a_run_with_a_start_step_above_0_is_resumed(self, start_step: int, *, resumed: bool) -> None:
        training = Training(start_step=start_step)
        training.observe(start_step + 10)
        assert (training.steps.start, training.steps.is_resumed) == (start_step, resumed)


class TestSteps:
    def test_a_step_observed_in_several_calls_counts_once(self, training: Training) -> None:
        training.observe(7, nll=0.5)
        training.observe(7, discriminator=0.9)
        training.observe(8, nll=0.4)
        assert (training.steps.newest, training.steps.observed) == (8, 2)
        assert training.facts.losses["discriminator"].last == 0.9

    def test_a_loss_observed_twice_at_a_step_is_averaged(self, training: Training) -> None:
        for step in range(10):
            training.observe(step, nll=1.0)
            training.observe(step, nll=2.0)
        assert training.mean() == 1.5

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
    def test_a_step_that_is_not_a_whole_number_is_invalid(
        self, training: Training, caplog: pytest.LogCaptureFixture, step: object, kind: str
    ) -> None:
        training.observe(step, nll=0.5)
        assert (training.steps.newest, training.steps.observed, training.nll.last) == (None, 0, None)
        assert training.facts.dropped["invalid"] == 1
        assert f"step must be a whole number, or None for the next step, got a {kind}" in caplog.text

    def test_a_step_in_a_tensor_is_invalid_and_not_read(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(device.tensor(7), nll=0.5)
        assert (training.steps.newest, training.facts.dropped["invalid"]) == (None, 1)

    def test_the_time_of_a_step_is_that_of_its_first_observation(self, training: Training) -> None:
        training.observe(1, after=5)
        training.observe(1, after=5)
        assert training.steps.newest_time == START + 5


class TestDurations:
    def test_a_duration_is_the_time_from_one_step_to_the_next(self, training: Training) -> None:
        for step, seconds in enumerate([100.0, 0.01, 0.02, 3.0, 2000.0]):
            training.observe(step, after=seconds)
        counts = dict(zip([*DURATION_BUCKETS, math.inf], training.steps.durations.counts, strict=True))
        assert {bound: count for bound, count in counts.items() if count} == {0.01: 1, 0.022: 1, 3.3: 1, math.inf: 1}
        assert training.steps.durations.sum == pytest.approx(2003.03)

    def test_the_next_bucket_ends_at_most_half_as_high_again(self) -> None:
        """Prometheus reads a quantile as the end of its bucket at worst."""
        assert [(low, high) for low, high in pairwise(DURATION_BUCKETS[:-1]) if high > 1.51 * low] == []

    def test_a_step_observed_in_several_calls_has_one_duration(self, training: Training) -> None:
        for step in (1, 1, 2, 2):
            training.observe(step, after=3)
        assert (sum(training.steps.durations.counts), training.steps.durations.sum) == (1, 6.0)

    def test_a_decrease_of_the_step_has_no_duration(self, training: Training) -> None:
        """Loading a checkpoint is not a step."""
        training.observe(10)
        training.observe(5, after=300)
        training.observe(6, after=2)
        assert (sum(training.steps.durations.counts), training.steps.durations.sum) == (1, 2.0)


class TestOddSteps:
    def test_a_whole_float_is_valid(self, training: Training) -> None:
        training.observe(7.0, nll=0.5)
        assert training.steps.newest == 7

    @pytest.mark.parametrize("step", [2**63, -(2**63), 10**400, 1e300])
    def test_a_huge_number_is_invalid(self, training: Training, caplog: pytest.LogCaptureFixture, step: float) -> None:
        training.observe(step, nll=0.5)
        assert training.steps.newest is None
        assert "step is too large" in caplog.text


class TestPauses:
    def test_pauses_are_excluded_from_the_durations(self, training: Training) -> None:
        training.observe(1)
        training.elapsed += 1.0
        training.recorder.pause()
        assert training.state() == "paused"
        training.elapsed += 1000.0
        training.recorder.pause()  # nested
        training.elapsed += 1000.0
        training.recorder.resume()
        assert training.state() == "paused"
        training.elapsed += 1000.0
        training.recorder.resume()
        assert training.state() == "running"
        training.observe(2, after=2.0)
        assert training.steps.durations.sum == 3.0

    def test_a_step_within_a_pause_is_timed_without_the_pause(self, training: Training) -> None:
        training.observe(1)
        training.recorder.pause()
        training.observe(2, after=1000.0)
        training.elapsed += 1000.0
        training.recorder.resume()
        training.observe(3, after=2.0)
        assert training.steps.durations.sum == 2.0


def test_a_fall_of_the_step_to_0_is_logged_once(training: Training, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        training.observe(0)
        training.observe(1999)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["the step fell from 1999 to 0"]
