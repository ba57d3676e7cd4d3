"""What becomes of a run on a simulated clock: its validation, probe and comparisons, and its end."""

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
    def test_it_has_a_state_and_a_time(self, training: Training, state: EndState) -> None:
        training.observe(1, after=60)
        assert training.recorder.end(state)
        assert (training.facts.state, training.facts.end_time) == (state, START + 60)

    def test_only_the_first_counts(self, training: Training) -> None:
        training.recorder.end("failed")
        training.elapsed += 1
        assert not training.recorder.end("finished")
        assert (training.facts.state, training.facts.end_time) == ("failed", START)

    def test_nothing_is_recorded_after_it(self, training: Training, caplog: pytest.LogCaptureFixture) -> None:
        training.recorder.end("finished")
        for step in (1, 2):
            training.observe(step, nll=0.5, kl=9.0, rec=None)
        assert (training.steps.observed, training.nll.last, training.facts.dropped["closed"]) == (0, None, 4)
        assert caplog.text.count("observe() after close()") == 1

    def test_it_brings_in_what_is_under_way(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5))
        training.recorder.end("finished", sleep=lambda _: device.finish())
        assert (training.nll.last, training.facts.dropped["closed"]) == (0.5, 0)

    def test_it_waits_for_a_device_that_hangs_a_few_seconds_only(self) -> None:
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5), rec=device.tensor(0.04))

        def sleep(seconds: float) -> None:
            training.elapsed += seconds

        training.recorder.end("failed", sleep=sleep)
        assert training.facts.end_time - START == pytest.approx(1 + DRAIN_SECONDS, abs=0.1)
        assert (training.facts.state, training.facts.dropped["closed"]) == ("failed", 2)

    def test_it_comes_although_the_device_has_failed(self, caplog: pytest.LogCaptureFixture) -> None:
        """After an error on the device every call to it raises. The state of the run matters most just then."""
        device = StandInTorch()
        training = Training(torch=device)
        training.observe(1, nll=device.tensor(0.5))
        device.failed = True

        assert training.recorder.end("failed")
        assert (training.facts.state, training.facts.errors["observe"]) == ("failed", 1)
        assert "an illegal memory access" in caplog.text


def test_values_appear_as_their_copies_arrive() -> None:
    """The step counts when it is given; its losses, when they are there."""
    device = StandInTorch()
    training = Training(torch=device)
    training.observe(1, nll=device.tensor(0.5))
    device.finish()
    training.observe(2, nll=device.tensor(0.4))
    assert (training.steps.newest, training.nll.last) == (2, 0.5)


class TestValidation:
    def test_it_never_mixes_with_the_training_and_begins_no_step(self, training: Training) -> None:
        training.observe(10, nll=0.5)
        training.recorder.observe(11, {"nll": 9.0, "kl": math.nan}, split="validation")
        assert training.facts.validation == {"nll": 9.0}
        assert (training.steps.newest, training.steps.observed) == (10, 1)
        assert (training.nll.last, training.nll.start, training.facts.losses["kl"].nonfinite) == (0.5, 0.5, 0)

    def test_the_batches_of_one_evaluation_are_averaged(self, training: Training) -> None:
        for batch in (1.0, 2.0, 6.0):
            training.recorder.observe(10, {"nll": batch}, split="validation")
        assert training.facts.validation == {"nll": 3.0}
        training.recorder.observe(20, {"nll": 4.0}, split="validation")
        assert training.facts.validation == {"nll": 4.0}

    def test_a_split_that_is_unknown_is_told_and_counted(
        self, training: Training, caplog: pytest.LogCaptureFixture
    ) -> None:
        training.recorder.observe(1, {"nll": 0.5, "rec": 0.1}, split="test")
        assert "split='test' is not known: give 'train' or 'validation'" in caplog.text
        assert training.facts.dropped["invalid"] == 2


class TestProbe:
    def test_the_last_and_the_lowest_losses(self, training: Training) -> None:
        training.recorder.observe_probe(100, {"nll": 0.3, "rec": 0.02})
        training.recorder.observe_probe(200, {"nll": 0.2, "rec": math.nan})
        training.recorder.observe_probe(300, {"nll": 0.4})
        probe = training.facts.probe
        assert (probe.step, probe.losses, probe.best) == (300, {"nll": 0.4}, {"nll": 0.2, "rec": 0.02})
        assert (training.steps.newest, training.nll.last) == (None, None)


class TestReconstruction:
    FRAMES = torch.linspace(-1, 1, 16).expand(1, 3, 2, 16, 16)

    def test_the_last_comparison_and_its_step(self, training: Training) -> None:
        for step in range(1, 25):
            training.recorder.observe_reconstruction(step, self.FRAMES, self.FRAMES / step, every=10)
        last = training.facts.reconstruction
        assert last.step == 21
        assert last.sharpness_ratio == pytest.approx(1 / 21)
        assert last.contrast_ratio == pytest.approx(1 / 21)
        assert (training.steps.newest, training.steps.observed) == (None, 0)

    def test_without_a_number_it_is_of_the_present_step(self, training: Training) -> None:
        training.observe(7, nll=0.5)
        training.recorder.observe_reconstruction(None, self.FRAMES, self.FRAMES)
        assert training.facts.reconstruction.step == 7

    def test_what_is_not_known_of_it_is_not_taken_from_an_earlier_one(self, training: Training) -> None:
        flat = torch.zeros_like(self.FRAMES)
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES, every=1)
        training.recorder.observe_reconstruction(2, flat, flat + 2.0, every=1)
        assert training.facts.reconstruction == ReconstructionFacts(2, psnr_decibels=0.0)

    def test_where_nothing_is_known_the_last_one_stays(self, training: Training) -> None:
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES, every=1)
        training.recorder.observe_reconstruction(2, self.FRAMES, self.FRAMES * math.nan, every=1)
        assert training.facts.reconstruction == ReconstructionFacts(1, 1.0, 1.0, 100.0)

    def test_what_becomes_of_the_frames_later_changes_nothing(self, training: Training) -> None:
        outputs = self.FRAMES.clone()
        training.recorder.observe_reconstruction(1, self.FRAMES, outputs)
        outputs.zero_()
        assert training.facts.reconstruction.contrast_ratio == 1

    def test_after_the_end_nothing_is_compared(self, training: Training) -> None:
        training.recorder.end("finished")
        training.recorder.observe_reconstruction(1, self.FRAMES, self.FRAMES)
        assert training.facts.reconstruction == ReconstructionFacts()
        assert training.facts.dropped["closed"] == 1

    def test_a_scrape_does_not_wait_for_it(self, training: Training) -> None:
        """Another thread can read the facts meanwhile: a device whose queue is full has the host wait."""
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
