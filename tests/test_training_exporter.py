"""The exporter as a training loop uses it, and what a scraper sees of it over HTTP."""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from typing import Any

import pytest
import torch
from scraping import scrape, state

from vae_exporter import TrainingExporter
from vae_exporter.vocabulary import COMPONENTS, GAUGES


class TestObserve:
    def test_a_step_as_it_is_seen(self, exporter: TrainingExporter) -> None:
        loss = torch.tensor(0.5, requires_grad=True)
        exporter.observe(7, nll=loss, rec=torch.tensor([0.04]), kl=9, learning_rate=1e-4, epoch=2, logvar=0.25)
        samples = scrape(exporter.url)
        for name, value in {
            "vae_step": 7,
            "vae_steps_total": 1,
            "vae_loss nll train": 0.5,
            "vae_loss kl train": 9,
            "vae_loss_start nll": 0.5,
            "vae_learning_rate": 1e-4,
            "vae_epoch": 2,
            "vae_logvar": 0.25,
        }.items():
            assert samples[name] == value
        assert samples["vae_loss rec train"] == pytest.approx(0.04)

    def test_before_start_too(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0)
        exporter.observe(1, nll=0.5)
        exporter.start()
        assert scrape(exporter.url)["vae_loss nll train"] == 0.5
        exporter.close()

    def test_a_name_it_does_not_know_is_told_once_with_a_suggestion(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        for step in range(3):
            exporter.observe(step, nll=0.5, perceptual=0.1, wandb_id="x")
        told = [record.getMessage().split(" (")[0] for record in caplog.records if record.levelname == "WARNING"]
        assert told == [
            "observe() has no value 'perceptual': did you mean 'perception'?",
            f"observe() has no value 'wandb_id': known: {', '.join((*COMPONENTS, *GAUGES))}",
        ]
        samples = scrape(exporter.url)
        assert samples["vae_exporter_dropped_observations_total invalid"] == 6
        assert samples["vae_loss nll train"] == 0.5

    @pytest.mark.parametrize(
        "given",
        [
            {"step": "seven", "nll": 0.5},
            {"step": 7, "nll": "0.5"},
            {"step": 7, "nll": torch.ones(3)},
            {"step": 7, "nll": torch.ones((), device="meta")},
            {"step": 7, "nll": object()},
        ],
        ids=["step", "text", "shape", "meta", "object"],
    )
    def test_what_cannot_be_recorded_never_raises(self, exporter: TrainingExporter, given: dict[str, Any]) -> None:
        exporter.observe(**given)
        assert scrape(exporter.url)["vae_exporter_dropped_observations_total invalid"] == 1

    def test_an_error_inside_never_raises(self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture) -> None:
        class Unlucky(int):
            def __float__(self) -> float:
                raise RuntimeError("out of luck")

        for step in range(3):
            exporter.observe(step, nll=Unlucky(1))
        exporter.observe(3, nll=0.5)
        samples = scrape(exporter.url)
        assert (samples["vae_exporter_dropped_observations_total invalid"], samples["vae_step"]) == (3, 3)
        assert samples["vae_loss nll train"] == 0.5
        assert caplog.text.count("RuntimeError: out of luck") == 1

    def test_after_close_it_never_raises(self, caplog: pytest.LogCaptureFixture) -> None:
        exporter = TrainingExporter("bs4", port=0).start()
        exporter.close()
        exporter.observe(1, nll=0.5)
        assert "observe() after close()" in caplog.text


class TestOtherWaysToObserve:
    def test_a_trainers_own_dictionary(self, exporter: TrainingExporter) -> None:
        log = {"train/nll_loss": torch.tensor(0.5), "train/lr": 1e-4, "val/nll_loss": 0.75, "images": object()}
        exporter.observe_log(7, log)
        samples = scrape(exporter.url)
        assert (samples["vae_step"], samples["vae_learning_rate"]) == (7, 1e-4)
        assert (samples["vae_loss nll train"], samples["vae_loss nll validation"]) == (0.5, 0.75)

    def test_what_is_no_dictionary_is_counted_and_raises_nothing(self, exporter: TrainingExporter) -> None:
        log: Any = ["nll_loss", 0.5]
        exporter.observe_log(7, log)
        assert scrape(exporter.url)["vae_exporter_errors_total observe"] == 1

    def test_the_probe(self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture) -> None:
        exporter.observe_probe(100, nll=torch.tensor(0.5), nil=0.5)
        samples = scrape(exporter.url)
        assert (samples["vae_probe_loss nll"], samples["vae_probe_step"]) == (0.5, 100)
        assert "observe_probe() has no value 'nil': did you mean 'nll'?" in caplog.text

    def test_the_reconstructions(self, exporter: TrainingExporter) -> None:
        inputs = torch.linspace(-1, 1, 16).expand(1, 3, 2, 16, 16)
        exporter.observe_reconstruction(100, inputs, inputs / 2)
        exporter.observe_reconstruction(199, inputs, inputs / 4)
        samples = scrape(exporter.url)
        assert samples["vae_reconstruction_step"] == 100
        assert samples["vae_reconstruction_sharpness_ratio"] == pytest.approx(0.5)
        assert samples["vae_reconstruction_contrast_ratio"] == pytest.approx(0.5)
        assert samples["vae_reconstruction_psnr_decibels"] == pytest.approx(10 * math.log10(4 / 0.09444), abs=1e-3)

    def test_flat_inputs_leave_out_what_is_no_number(self, exporter: TrainingExporter) -> None:
        exporter.observe_reconstruction(1, torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.2))
        samples = scrape(exporter.url)
        assert [name for name in samples if "reconstruction_" in name] == [
            "vae_reconstruction_psnr_decibels",
            "vae_reconstruction_step",
        ]

    def test_a_lack_of_memory_is_counted_and_told_once(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        class OnFullCard(torch.Tensor):
            def to(self, *_: object, **__: object) -> torch.Tensor:
                raise torch.OutOfMemoryError("CUDA out of memory")

        frames = torch.zeros(1, 3, 16, 16).as_subclass(OnFullCard)
        for step in range(0, 300, 50):
            exporter.observe_reconstruction(step, frames, frames)
        exporter.observe(300, nll=0.5)
        samples = scrape(exporter.url)
        assert (samples["vae_exporter_errors_total observe"], samples["vae_step"]) == (3, 300)
        assert caplog.text.count("observe_reconstruction() failed and training goes on") == 1

    def test_frames_that_cannot_be_compared_raise_nothing(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        given: Any = "frames"
        for step in (0, 50, 100):
            exporter.observe_reconstruction(step, given, None)
        assert scrape(exporter.url)["vae_exporter_dropped_observations_total invalid"] == 2
        assert caplog.text.count("observe_reconstruction(): inputs are of type str: give a torch tensor") == 1

    def test_a_pause_ends_with_its_block_even_by_an_error(self, exporter: TrainingExporter) -> None:
        with suppress(ZeroDivisionError), exporter.paused("validation"):
            assert state(scrape(exporter.url)) == ["paused"]
            _ = 1 / 0
        assert state(scrape(exporter.url)) == ["running"]

    @pytest.mark.parametrize(
        ("activity", "began", "ended"),
        [
            (["validation"], "the training pauses for validation", "the training continues after validation"),
            ([], "the training pauses", "the training continues"),
        ],
        ids=["named", "not-named"],
    )
    def test_a_pause_is_logged_when_it_begins_and_ends(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture, activity: list[str], began: str, ended: str
    ) -> None:
        caplog.clear()
        with caplog.at_level(logging.INFO), exporter.paused(*activity):
            assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [began]
        last = caplog.records[-1]
        assert (last.getMessage().partition(": ")[2], last.levelno) == (ended, logging.INFO)

    def test_a_tensor_that_is_spread_over_ranks_is_refused(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As DTensor, which has this method: to gather it would wait for the other ranks."""

        class Spread(torch.Tensor):
            def full_tensor(self) -> torch.Tensor:
                raise AssertionError("it waits")

        exporter.observe(1, nll=torch.tensor(0.5).as_subclass(Spread), rec=0.04)
        samples = scrape(exporter.url)
        assert "vae_loss nll train" not in samples
        assert samples["vae_loss rec train"] == 0.04
        assert "give nll.full_tensor() on every rank" in caplog.text
