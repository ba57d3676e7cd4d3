"""The losses and the other values of the training steps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._record.facts import ChangeFacts
from vae_exporter._record.training_values import TrainingValues

if TYPE_CHECKING:
    from simulated_training import Training


class TestValues:
    def test_a_nonfinite_loss_is_counted_and_the_last_finite_one_stays(self, training: Training) -> None:
        for step, value in enumerate([math.nan, 0.5, math.inf, 0.4, -math.inf]):
            training.observe(step, nll=value, rec=0.04)
        nll = training.nll
        assert (nll.start, nll.last, nll.nonfinite, nll.last_nonfinite_step) == (0.45, 0.4, 3, 4)
        rec = training.facts.losses["rec"]
        assert (rec.nonfinite, rec.last_nonfinite_step) == (0, None)

    def test_the_last_finite_value_of_a_gauge_stays(self, training: Training) -> None:
        training.observe(1, learning_rate=1e-4, gradient_norm=2.5)
        training.observe(2, learning_rate=5e-5, gradient_norm=math.inf)
        assert training.facts.gauges == {"learning_rate": 5e-5, "gradient_norm": 2.5}

    def test_none_is_ignored(self, training: Training) -> None:
        training.observe(1, nll=None, kl=9.0)
        assert (training.nll.last, training.facts.losses["kl"].last) == (None, 9.0)
        assert sum(training.facts.dropped.values()) == 0

    def test_the_start_is_the_mean_of_the_first_ten_finite_values(self, training: Training) -> None:
        for step, value in enumerate([math.nan, *[1.0] * 9, 2.0, 100.0]):
            training.observe(step, nll=value)
        assert training.nll.start == 1.1

    def test_an_explosion_is_no_part_of_the_start(self, training: Training) -> None:
        for step, value in enumerate([29.0, 31.0, 1e5, 1e7, 1.3e9]):
            training.observe(step, kl=value)
        assert training.facts.losses["kl"].start == 30.0

    def test_a_loss_that_starts_at_zero_may_rise(self, training: Training) -> None:
        for step, value in enumerate([0.0, 1.0, 2.0]):
            training.observe(step, kl=value)
        assert training.facts.losses["kl"].start == 1.0


class TestJudged:
    def test_a_learned_logvar_is_taken_out_at_each_step(self, training: Training) -> None:
        for step in range(10):
            logvar = -0.1 * step
            training.observe(step, nll=0.2 / math.exp(logvar) + logvar, logvar=logvar)
        assert training.mean("judged") == pytest.approx(0.2)

    def test_a_step_without_the_nll_is_not_judged(self, training: Training) -> None:
        training.observe(0, nll=0.5)
        training.observe(1, rec=0.04)
        judged = training.facts.windows.series["judged"]
        assert (judged.newest, judged.mean(0, 0)) == (0, 0.5)

    def test_new_weights_count_from_their_step_on(self) -> None:
        values = TrainingValues(LossDefinition({"rec": 10, "perception": 1}), window_steps=100)
        for step in range(20):
            if step == 10:
                values.set_weights(step, {"rec": 20, "kl": 1e-4})
            values.record(step, {"nll": 0.3 if step < 10 else 0.5, "rec": 0.02, "perception": 0.1})
        _, unexplained = values.windows().balance
        assert unexplained.values(0, 19) == pytest.approx([0.0] * 20)
        assert values.weights() == {"rec": 20, "perception": 1, "kl": 1e-4}


class TestStage:
    def test_the_means_and_the_level_start_over(self) -> None:
        values = TrainingValues(LossDefinition(), window_steps=100)
        for step in range(400):
            values.record(step, {"nll": 0.2})
        values.begin_stage(400)
        for step in range(400, 499):
            values.record(step, {"nll": 0.4})
        assert next(iter(values.windows().means())).window == "short"
        assert (values.level_facts().best, values.level_facts().held) == (None, None)
        assert values.change_facts()["stage"] == ChangeFacts(400, 400)

        for step in range(499, 701):
            values.record(step, {"nll": 0.4})
        assert values.level_facts().held == pytest.approx(0.4)


class TestWindowLength:
    def test_windows_begin_anew_when_the_loss_is_reported_less_often_and_the_level_stays(self) -> None:
        values = TrainingValues(LossDefinition())
        for step in range(400):
            values.record(step, {"nll": 0.2})
        assert values.windows().long == 100

        for step in range(400, 1000, 40):
            values.record(step, {"nll": 0.4})
        assert values.windows().long == 1000
        assert {mean.window for mean in values.windows().means()} == {"short"}
        assert values.level_facts().held == pytest.approx(0.2)


class TestGoingBack:
    def test_values_from_the_resumed_step_on_are_discarded(self, training: Training) -> None:
        for step in range(20):
            training.observe(step, nll=1.0 if step < 10 else 1e6)
        for step in range(10, 15):
            training.observe(step, nll=3.0)
        assert (training.steps.newest, training.steps.observed) == (14, 25)
        assert training.mean() == 2.0

    def test_a_nonfinite_loss_after_the_resumed_step_is_no_longer_the_last(self, training: Training) -> None:
        training.observe(10, nll=math.nan, rec=0.04)
        training.observe(20, nll=math.inf, rec=math.nan)
        assert (training.nll.nonfinite, training.nll.last_nonfinite_step) == (2, 20)

        training.observe(15, nll=0.5)
        assert (training.nll.nonfinite, training.nll.last_nonfinite_step) == (2, 10)
        rec = training.facts.losses["rec"]
        assert (rec.nonfinite, rec.last_nonfinite_step) == (1, None)


class TestOddValues:
    @pytest.mark.parametrize("odd", [10**400, torch.tensor([0.5]).to_sparse()])
    def test_an_odd_value_does_not_affect_the_others_of_its_step(self, training: Training, odd: object) -> None:
        training.observe(1, nll=odd, kl=0.25)
        assert training.facts.losses["kl"].last == 0.25


class TestNonfiniteSince:
    def test_it_is_the_first_step_of_the_newest_unbroken_series(self, training: Training) -> None:
        for step, value in enumerate([math.nan, 0.5, math.inf, math.nan, math.nan]):
            training.observe(step, nll=value)
        assert (training.nll.nonfinite_since, training.nll.last_nonfinite_step) == (2, 4)

    def test_it_stays_when_the_loss_is_finite_again(self, training: Training) -> None:
        for step, value in enumerate([0.5, math.nan, math.nan, 0.5]):
            training.observe(step, nll=value)
        assert (training.nll.nonfinite_since, training.nll.last_nonfinite_step) == (1, 2)

    def test_a_resume_from_before_it_forgets_it(self, training: Training) -> None:
        for step, value in enumerate([0.5, 0.5, math.nan, math.nan]):
            training.observe(step, nll=value)
        training.observe(1, nll=0.5)
        assert (training.nll.nonfinite_since, training.nll.last_nonfinite_step) == (None, None)

    def test_a_resume_from_within_it_keeps_its_first_step(self, training: Training) -> None:
        for step, value in enumerate([0.5, math.nan, math.nan, math.nan]):
            training.observe(step, nll=value)
        training.observe(3, nll=math.nan)
        assert (training.nll.nonfinite_since, training.nll.last_nonfinite_step) == (1, 3)


class TestSkippedSteps:
    def test_a_nonfinite_loss_at_a_skipped_step_is_not_counted(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": math.inf, "total": 0.5}, skipped=True)
        assert (training.nll.nonfinite, training.facts.losses["total"].last) == (0, 0.5)
        assert (training.steps.observed, training.steps.skipped) == (1, 1)

    def test_a_step_skipped_in_two_calls_counts_once(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=True)
        training.recorder.observe(1, {"rec": 0.5}, skipped=True)
        training.recorder.observe(2, {"nll": 0.5})
        assert (training.steps.observed, training.steps.skipped) == (2, 1)

    def test_a_skip_after_the_losses_retracts_their_nonfinite_step(self, training: Training) -> None:
        training.observe(0, nll=0.5)
        training.observe(1, nll=math.inf, rec=0.04)
        told = training.nll
        training.recorder.observe(1, {"gradient_norm": math.inf}, skipped=True)
        taken_back = training.nll
        assert (told.last_nonfinite_step, taken_back.last_nonfinite_step) == (1, None)
        assert (told.nonfinite_since, taken_back.nonfinite_since) == (1, None)

    def test_a_numpy_bool_is_accepted(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=np.bool_(True))  # noqa: FBT003 - its own constructor
        assert (training.steps.skipped, training.facts.dropped["invalid"]) == (1, 0)

    def test_a_tensor_for_skipped_is_dropped_unread(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=torch.tensor(1))
        assert (training.nll.last, training.steps.skipped, training.facts.dropped["invalid"]) == (0.5, 0, 1)


class TestPrintedMeans:
    def test_a_mean_of_fifty_steps_is_worth_fifty_values(self, training: Training) -> None:
        for row in range(1, 12):
            training.recorder.observe(50 * row - 1, {"nll": 0.2 + 0.01 * (row % 2)}, mean_over=50)
        windows = training.facts.windows
        assert windows.long == 100
        evidence = windows.evidence()
        assert evidence is not None
        assert evidence.values == 100
        assert evidence.standard_error == pytest.approx(0.0055, rel=0.1)

    def test_a_second_call_for_the_step_keeps_what_it_is_the_mean_of(self, training: Training) -> None:
        for row in range(1, 12):
            training.recorder.observe(50 * row - 1, {"nll": 0.2}, mean_over=50)
            training.recorder.observe(50 * row - 1, {"discriminator": 0.7})
        assert training.facts.windows.long == 100

    def test_the_values_of_the_next_steps_count_once(self, training: Training) -> None:
        training.recorder.observe(49, {"nll": 0.2}, mean_over=50)
        training.recorder.observe(50, {"nll": 0.3})
        training.recorder.observe(51, {"nll": 0.3})
        assert training.mean(steps=12) == pytest.approx((10 * 0.2 + 2 * 0.3) / 12)
