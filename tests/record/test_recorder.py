"""What is known of a run after its steps were observed, on a simulated clock."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from stand_in_torch import StandInTorch

from vae_exporter._record.facts import DURATION_BUCKETS, ReconstructionFacts
from vae_exporter._record.recorder import DRAIN_SECONDS, Recorder

if TYPE_CHECKING:
    from vae_exporter._record.facts import LossFacts, RunFacts, StepFacts
    from vae_exporter.vocabulary import EndState, RunState

START = 1_700_000_000.0


@dataclass
class Training:
    """A recorder whose Unix clock and monotonic clock go on when the test says so."""

    start_step: int | None = None
    torch: Any = None
    elapsed: float = 0.0
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(
            start_step=self.start_step,
            clock=lambda: START + self.elapsed,
            monotonic=lambda: 50.0 + self.elapsed,
            torch=self.torch,
        )

    def observe(self, step: Any, *, after: float = 1.0, **values: object) -> None:  # noqa: ANN401 - whatever a user gives
        """Observe *values*, *after* seconds."""
        self.elapsed += after
        self.recorder.observe(step, values)

    @property
    def facts(self) -> RunFacts:
        return self.recorder.facts()

    @property
    def steps(self) -> StepFacts:
        return self.facts.steps

    def state(self) -> RunState:
        return self.facts.state

    @property
    def nll(self) -> LossFacts:
        return self.facts.losses["nll"]


@pytest.fixture
def training() -> Training:
    return Training()


def mean(loss: LossFacts, width: int = 10, lag: int = 0) -> float | None:
    assert loss.windows is not None
    return loss.windows.mean(width, lag)


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


class TestGoingBack:
    def test_what_stood_at_the_steps_from_there_on_is_dropped(self, training: Training) -> None:
        for step in range(20):
            training.observe(step, nll=1.0 if step < 10 else 1e6)
        for step in range(10, 15):
            training.observe(step, nll=3.0)
        assert (training.steps.newest, training.steps.observed) == (14, 25)
        assert mean(training.nll) == 2.0

    def test_a_nonfinite_loss_at_a_step_to_be_trained_again_is_no_longer_the_last(self, training: Training) -> None:
        training.observe(10, nll=math.nan, rec=0.04)
        training.observe(20, nll=math.inf, rec=math.nan)
        assert (training.nll.nonfinite, training.nll.last_nonfinite_step) == (2, 20)

        training.observe(15, nll=0.5)
        assert (training.nll.nonfinite, training.nll.last_nonfinite_step) == (2, 10)
        rec = training.facts.losses["rec"]
        assert (rec.nonfinite, rec.last_nonfinite_step) == (1, None)


class TestValues:
    def test_a_nonfinite_loss_is_counted_and_the_last_finite_one_stays(self, training: Training) -> None:
        for step, value in enumerate([math.nan, 0.5, math.inf, 0.4, -math.inf]):
            training.observe(step, nll=value, rec=0.04)
        nll = training.nll
        assert (nll.start, nll.last, nll.nonfinite, nll.last_nonfinite_step) == (0.5, 0.4, 3, 4)
        rec = training.facts.losses["rec"]
        assert (rec.nonfinite, rec.last_nonfinite_step) == (0, None)

    def test_of_the_other_values_the_last_finite_one_stays(self, training: Training) -> None:
        training.observe(1, learning_rate=1e-4, gradient_norm=2.5)
        training.observe(2, learning_rate=5e-5, gradient_norm=math.inf)
        assert training.facts.gauges == {"learning_rate": 5e-5, "gradient_norm": 2.5}

    def test_none_is_a_value_that_is_not_given(self, training: Training) -> None:
        training.observe(1, nll=None, kl=9.0)
        assert (training.nll.last, training.facts.losses["kl"].last) == (None, 9.0)
        assert sum(training.facts.dropped.values()) == 0


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


class TestOddValues:
    @pytest.mark.parametrize("odd", [10**400, torch.tensor([0.5]).to_sparse()])
    def test_one_costs_none_of_the_others_of_its_step(self, training: Training, odd: object) -> None:
        training.observe(1, nll=odd, kl=0.25)
        assert training.facts.losses["kl"].last == 0.25


class TestNonfiniteSince:
    def test_it_is_the_first_step_of_the_newest_unbroken_stretch(self, training: Training) -> None:
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


class TestSkippedSteps:
    def test_what_is_not_finite_at_them_is_no_divergence(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": math.inf, "total": 0.5}, skipped=True)
        assert (training.nll.nonfinite, training.facts.losses["total"].last) == (0, 0.5)
        assert (training.steps.observed, training.steps.skipped) == (1, 1)

    def test_a_step_told_in_two_calls_is_skipped_once(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=True)
        training.recorder.observe(1, {"rec": 0.5}, skipped=True)
        training.recorder.observe(2, {"nll": 0.5})
        assert (training.steps.observed, training.steps.skipped) == (2, 1)

    def test_one_that_is_told_after_its_losses_takes_back_that_they_were_not_finite(self, training: Training) -> None:
        training.observe(0, nll=0.5)
        training.observe(1, nll=math.inf, rec=0.04)
        told = training.nll
        training.recorder.observe(1, {"gradient_norm": math.inf}, skipped=True)
        taken_back = training.nll
        assert (told.last_nonfinite_step, taken_back.last_nonfinite_step) == (1, None)
        assert (told.nonfinite_since, taken_back.nonfinite_since) == (1, None)

    def test_numpy_says_it_too(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=np.bool_(True))  # noqa: FBT003 - its own constructor
        assert (training.steps.skipped, training.facts.dropped["invalid"]) == (1, 0)

    def test_a_word_that_is_neither_true_nor_false_is_refused_unread(self, training: Training) -> None:
        training.recorder.observe(1, {"nll": 0.5}, skipped=torch.tensor(1))
        assert (training.nll.last, training.steps.skipped, training.facts.dropped["invalid"]) == (0.5, 0, 1)


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


def test_a_step_that_falls_to_0_is_told_once(training: Training, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        training.observe(0)
        training.observe(1999)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["the step fell from 1999 to 0"]
