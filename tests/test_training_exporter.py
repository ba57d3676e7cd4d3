"""`TrainingExporter` as a training loop calls it, and the metrics that a scraper reads over HTTP."""

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
    def test_a_scrape_returns_the_values_of_the_step(self, exporter: TrainingExporter) -> None:
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

    def test_values_observed_before_start_are_kept(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0)
        exporter.observe(1, nll=0.5)
        exporter.start()
        assert scrape(exporter.url)["vae_loss nll train"] == 0.5
        exporter.close()

    def test_an_unknown_argument_is_logged_once_with_a_suggestion(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        for step in range(3):
            exporter.observe(step, nll=0.5, perceptual=0.1, wandb_id="x")
        warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert [message.split(". The value is dropped.")[0] for message in warnings] == [
            "observe() has no argument 'perceptual': did you mean 'perception'?",
            f"observe() has no argument 'wandb_id': expected one of {', '.join((*COMPONENTS, *GAUGES))}",
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
    def test_invalid_values_are_counted_and_never_raise(
        self, exporter: TrainingExporter, given: dict[str, Any]
    ) -> None:
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

    def test_a_value_after_close_is_logged_and_never_raises(self, caplog: pytest.LogCaptureFixture) -> None:
        exporter = TrainingExporter("bs4", port=0).start()
        exporter.close()
        exporter.observe(1, nll=0.5)
        assert "a value was observed after close()" in caplog.text


class TestOtherWaysToObserve:
    def test_a_trainers_log_dictionary_is_recorded(self, exporter: TrainingExporter) -> None:
        log = {"train/nll_loss": torch.tensor(0.5), "train/lr": 1e-4, "val/nll_loss": 0.75, "images": object()}
        exporter.observe_log(7, log)
        samples = scrape(exporter.url)
        assert (samples["vae_step"], samples["vae_learning_rate"]) == (7, 1e-4)
        assert (samples["vae_loss nll train"], samples["vae_loss nll validation"]) == (0.5, 0.75)

    def test_a_key_of_the_users_own_is_recorded(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        exporter.observe_log(7, {"out": {"wert": 0.5}}, names={"nll": "out/wert", "nil": "x"})
        assert scrape(exporter.url)["vae_loss nll train"] == 0.5
        assert "observe_log() has no argument 'nil': did you mean 'nll'?" in caplog.text

    def test_a_mean_of_fifty_steps_needs_no_longer_windows(self, exporter: TrainingExporter) -> None:
        for row in range(1, 6):
            exporter.observe(50 * row, nll=0.5, mean_over=50)
            exporter.observe_log(50 * row, {"rec_loss": 0.02}, mean_over=50)
        samples = scrape(exporter.url)
        assert (samples["vae_loss_window_steps"], samples["vae_loss_window_values"]) == (100, 100)

    @pytest.mark.parametrize("mean_over", [0, 2.5, torch.tensor(50)], ids=["none", "a half", "a tensor"])
    def test_an_odd_number_of_averaged_steps_is_one(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture, mean_over: object
    ) -> None:
        exporter.observe(50, nll=0.5, mean_over=mean_over)
        assert scrape(exporter.url)["vae_loss nll train"] == 0.5
        assert "mean_over must be a whole number of steps, 1 or more" in caplog.text

    def test_a_log_without_a_known_key_counts_as_a_step_and_is_warned_about_once(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        for step in range(3):
            exporter.observe_log(step, {"wert": 0.5})
        samples = scrape(exporter.url)
        assert (samples["vae_step"], samples["vae_steps_total"]) == (2, 3)
        assert samples["vae_exporter_errors_total observe"] == 0
        assert caplog.text.count("observe_log() found no known key in the log, which has wert.") == 1

    def test_a_log_of_a_validation_or_a_test_is_no_step(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        exporter.observe_log(None, {"val_nll": 0.5})
        exporter.observe_log(None, {"test_nll": 0.5})
        assert scrape(exporter.url)["vae_steps_total"] == 0
        assert caplog.text == ""

    def test_an_absent_nll_is_computed_from_its_weighted_parts(self) -> None:
        weights = {"rec": 10, "perception": 1}
        with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False, loss_weights=weights) as exporter:
            exporter.observe_log(1, {"recon_loss": torch.tensor(0.25), "lpips": torch.tensor(0.5), "val_recon": 1})
            samples = scrape(exporter.url)
            exporter.observe_log(2, {"recon_loss": [1], "lpips": 0.5})
            later = scrape(exporter.url)
        assert samples["vae_loss nll train"] == 3.0
        assert "vae_loss nll validation" not in samples
        assert (later["vae_step"], later["vae_loss perception train"]) == (2, 0.5)

    def test_a_log_that_is_not_a_dictionary_is_counted_and_never_raises(self, exporter: TrainingExporter) -> None:
        log: Any = ["nll_loss", 0.5]
        exporter.observe_log(7, log)
        assert scrape(exporter.url)["vae_exporter_errors_total observe"] == 1

    def test_probe_losses_are_exported(self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture) -> None:
        exporter.observe_probe(100, nll=torch.tensor(0.5), nil=0.5)
        samples = scrape(exporter.url)
        assert (samples["vae_probe_loss nll"], samples["vae_probe_step"]) == (0.5, 100)
        assert "observe_probe() has no argument 'nil': did you mean 'nll'?" in caplog.text

    def test_reconstructions_are_compared_every_100_steps(self, exporter: TrainingExporter) -> None:
        inputs = torch.linspace(-1, 1, 16).expand(1, 3, 2, 16, 16)
        exporter.observe_reconstruction(100, inputs, inputs / 2)
        exporter.observe_reconstruction(199, inputs, inputs / 4)
        samples = scrape(exporter.url)
        assert samples["vae_reconstruction_step"] == 100
        assert samples["vae_reconstruction_sharpness_ratio"] == pytest.approx(0.5)
        assert samples["vae_reconstruction_contrast_ratio"] == pytest.approx(0.5)
        assert samples["vae_reconstruction_psnr_decibels"] == pytest.approx(10 * math.log10(4 / 0.09444), abs=1e-3)

    def test_ratios_of_flat_inputs_are_absent(self, exporter: TrainingExporter) -> None:
        exporter.observe_reconstruction(1, torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.2))
        samples = scrape(exporter.url)
        assert [name for name in samples if "reconstruction_" in name] == [
            "vae_reconstruction_psnr_decibels",
            "vae_reconstruction_step",
        ]

    def test_an_out_of_memory_error_is_counted_and_logged_once(
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
        assert caplog.text.count("observe_reconstruction() failed; training continues") == 1

    def test_invalid_frames_are_counted_and_never_raise(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture
    ) -> None:
        given: Any = "frames"
        for step in (0, 50, 100):
            exporter.observe_reconstruction(step, given, None)
        assert scrape(exporter.url)["vae_exporter_dropped_observations_total invalid"] == 2
        assert caplog.text.count("observe_reconstruction(): inputs must be a torch tensor, got a str") == 1

    def test_a_pause_ends_with_its_block_even_if_it_raises(self, exporter: TrainingExporter) -> None:
        with suppress(ZeroDivisionError), exporter.paused("validation"):
            assert state(scrape(exporter.url)) == ["paused"]
            _ = 1 / 0
        assert state(scrape(exporter.url)) == ["running"]

    @pytest.mark.parametrize(
        ("activity", "began", "ended"),
        [
            (["validation"], "run 'bs4' is paused for validation", "run 'bs4' continues after validation"),
            ([], "run 'bs4' is paused", "run 'bs4' continues"),
        ],
        ids=["named", "unnamed"],
    )
    def test_a_pause_is_logged_when_it_begins_and_ends(
        self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture, activity: list[str], began: str, ended: str
    ) -> None:
        caplog.clear()
        with caplog.at_level(logging.INFO), exporter.paused(*activity):
            assert [record.getMessage() for record in caplog.records] == [began]
        last = caplog.records[-1]
        assert (last.getMessage(), last.levelno) == (ended, logging.INFO)

    def test_a_dtensor_is_refused(self, exporter: TrainingExporter, caplog: pytest.LogCaptureFixture) -> None:
        """A DTensor has the method `full_tensor`, which would wait for the other ranks."""

        class Spread(torch.Tensor):
            def full_tensor(self) -> torch.Tensor:
                raise AssertionError("full_tensor() would wait")

        exporter.observe(1, nll=torch.tensor(0.5).as_subclass(Spread), rec=0.04)
        samples = scrape(exporter.url)
        assert "vae_loss nll train" not in samples
        assert samples["vae_loss rec train"] == 0.04
        assert "call nll.full_tensor() on every rank" in caplog.text
