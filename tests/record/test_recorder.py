"""The record of a run on a simulated clock: validation, probe, comparisons and the end of the run."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch
from simulated_training import START, Training
from stand_in_torch import StandInTorch

from vae_exporter._record.facts import ReconstructionFacts
from vae_exporter._record.recorder import DRAIN_SECONDS

if TYPE_CHECKING:
    from vae_exporter._record.facts import RunFacts
    from vae_exporter.vocabulary import EndState


class TestEnd:
    @pytest.mark.parametrize("state", ["finished", "failed", "terminated"])
    def test_a_run_ends_in_a_state_and_at_a_time(self, training: Training, state: EndState) -> None:
        training.observe(1, after=60)
        assert training.recorder.end(state)
        assert (training.facts.state, training.facts.end_time) == (state, START + 60)

    def test_only_the_first_end_counts(self, training: Training) -> None:
        training.recorder.end("failed")
        training.elapsed += 1
        assert not training.recorder.end("finished")
        assert (training.facts.state, training.facts.end_time) == ("failed", START)

    def test_values_after_the_end_are_dropped(self, training: Training, caplog: pytest.LogCaptureFixture) -> None:
        training.recorder.end("finished")
        for step in (1, 2):
            training.observe(step, nll=0.5, kl=9.0, rec=None)
        assert (training.steps.observed, training.nll.last, training.facts.dropped["closed"]) == (0, None, 4)
        assert caplog.text.count("a value was observed after close()") == 1

    def test_the_end_waits_for_pending_values(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5))
        training.recorder.end("finished", sleep=lambda _: device.finish())
        assert (training.nll.last, training.facts.dropped["closed"]) == (0.5, 0)

    def test_the_wait_for_a_device_that_hangs_is_limited(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5), rec=device.tensor(0.04))

        def sleep(seconds: float) -> None:
            training.elapsed += seconds

        training.recorder.end("failed", sleep=sleep)
        assert training.facts.end_time - START == pytest.approx(1 + DRAIN_SECONDS, abs=0.1)
        assert (training.facts.state, training.facts.dropped["closed"]) == ("failed", 2)

    def test_a_run_ends_even_if_its_device_has_failed(self, caplog: pytest.LogCaptureFixture) -> None:
        """After an error on the device, every call to it raises. The state of the run matters most in that case."""
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5))
        device.failed = True

        assert training.recorder.end("failed")
        assert (training.facts.state, training.facts.errors["observe"]) == ("failed", 1)
        assert "an illegal memory access" in caplog.text


def test_values_appear_as_their_copies_arrive() -> None:
    """A step counts when it is observed, its losses when their copies are done."""
    device = StandInTorch()
    training = Training(torch=device)
    training.observe(1, nll=device.tensor(0.5))
    device.finish()
    training.observe(2, nll=device.tensor(0.4))
    assert (training.steps.newest, training.nll.last) == (2, 0.5)


class TestValidation:
    def test_validation_losses_are_kept_separate_and_do_not_begin_a_step(self, training: Training) -> None:
        training.observe(10, nll=0.5)
        training.recorder.observe(11, {"nll": 9.0, "kl": math.nan}, split="validation")
        assert training.facts.validation.losses == {"nll": 9.0}
        assert (training.steps.newest, training.steps.observed) == (10, 1)
        assert (training.nll.last, training.nll.start, training.facts.losses["kl"].nonfinite) == (0.5, 0.5, 0)

    def test_the_batches_of_one_evaluation_are_averaged(self, training: Training) -> None:
        for batch in (1.0, 2.0, 6.0):
            training.recorder.observe(10, {"nll": batch}, split="validation")
        assert training.facts.validation.losses == {"nll": 3.0}
        training.recorder.observe(20, {"nll": 4.0}, split="validation")
        assert training.facts.validation.losses == {"nll": 4.0}

    def test_an_unknown_split_is_counted_and_logged(self, training: Training, caplog: pytest.LogCaptureFixture) -> None:
        training.recorder.observe(1, {"nll": 0.5, "rec": 0.1}, split="test")
        assert "split must be 'train' or 'validation', got 'test'" in caplog.text
        assert training.facts.dropped["invalid"] == 2


class TestProbe:
    def test_the_last_and_the_lowest_losses_are_kept(self, training: Training) -> None:
        training.recorder.observe_probe(100, {"nll": 0.3, "rec": 0.02})
        training.recorder.observe_probe(200, {"nll": 0.2, "rec": math.nan})
        training.recorder.observe_probe(300, {"nll": 0.4})
        probe = training.facts.probe
        assert (probe.step, probe.losses, probe.best) == (300, {"nll": 0.4}, {"nll": 0.2, "rec": 0.02})
        assert (training.steps.newest, training.nll.last) == (None, None)


class TestReconstruction:
    FRAMES = torch.linspace(-1, 1, 16).expand(1, 3, 2, 16, 16)

    def test_the_last_comparison_and_its_step_are_kept(self, training: Training) -> None:
        for step in range(1, 25):
            training.recorder.observe_reconstruction(step, self.FRAMES, self.FRAMES / step, every=10)
        last = training.facts.reconstruction
        assert last.step == 21
        assert last.sharpness_ratio == pytest.approx(1 / 21)
        assert last.contrast_ratio == pytest.approx(1 / 21)
        assert (training.steps.newest, training.steps.observed) == (None, 0)

    def test_without_a_step_a_comparison_is_of_the_newest_step(self, training: Training) -> None:
        training.observe(7, nll=0.5)
        training.recorder.observe_reconstruction(None, self.FRAMES, self.FRAMES)
        assert training.facts.reconstruction.step == 7

    def test_ratios_of_an_earlier_comparison_are_not_kept(self, training: Training) -> None:
        flat = torch.zeros_like(self.FRAMES)
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES, every=1)
        training.recorder.observe_reconstruction(2, flat, flat + 2.0, every=1)
        assert training.facts.reconstruction == ReconstructionFacts(2, psnr_decibels=0.0)

    def test_a_comparison_without_a_finite_value_is_ignored(self, training: Training) -> None:
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES, every=1)
        training.recorder.observe_reconstruction(2, self.FRAMES, self.FRAMES * math.nan, every=1)
        assert training.facts.reconstruction == ReconstructionFacts(1, 1.0, 1.0, 100.0)

    def test_later_changes_of_the_frames_have_no_effect(self, training: Training) -> None:
        outputs = self.FRAMES.clone()
        training.recorder.observe_reconstruction(1, self.FRAMES, outputs)
        outputs.zero_()
        assert training.facts.reconstruction.contrast_ratio == 1

    def test_frames_after_the_end_are_not_compared(self, training: Training) -> None:
        training.recorder.end("finished")
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES)
        assert training.facts.reconstruction == ReconstructionFacts()
        assert training.facts.dropped["closed"] == 1

    def test_a_scrape_does_not_wait_for_a_comparison(self, training: Training) -> None:
        """A comparison waits if the device's queue is full. Other threads can read the facts meanwhile."""
        asked: list[torch.Tensor] = []
        seen: list[RunFacts] = []

        class Slow(torch.Tensor):
            @property
            def shape(self) -> Any:  # type: ignore[override]  # noqa: ANN401
                if not asked:
                    asked.append(self)
                    scrape = threading.Thread(target=lambda: seen.append(training.facts), daemon=True)
                    scrape.start()
                    scrape.join(10)
                return torch.Size((1, 3, 2, 16, 16))

        training.recorder.observe_reconstruction(1, self.FRAMES.as_subclass(Slow), self.FRAMES)
        assert seen
