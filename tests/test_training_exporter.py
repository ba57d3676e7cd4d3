"""The exporter as a training loop uses it, and what a scraper sees of it over HTTP."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch
from deadline import wait_until
from http_get import get
from scraping import Samples, samples_of, scrape, state

from vae_exporter import EndpointError, SettingsError, TrainingExporter, VaeExporterError
from vae_exporter.vocabulary import COMPONENTS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_SECONDS = 20.0
"""For what takes milliseconds."""


@pytest.fixture
def exporter() -> Iterator[TrainingExporter]:
    exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False).start()
    yield exporter
    exporter.close()


class Scraper:
    """Scrapes an exporter again and again until it no longer answers, as Prometheus would in a test's time."""

    def __init__(self, exporter: TrainingExporter) -> None:
        self._url = f"{exporter.url}/metrics"
        self._text = ""
        self._first = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._first.wait(DEADLINE_SECONDS)

    def last_scrape(self) -> Samples:
        self._thread.join(DEADLINE_SECONDS)
        assert not self._thread.is_alive(), "the exporter still answers"
        return samples_of(self._text)

    def _run(self) -> None:
        with suppress(OSError):
            deadline = time.monotonic() + 2 * DEADLINE_SECONDS
            while time.monotonic() < deadline:
                self._text = get(self._url).text
                self._first.set()


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


class TestStart:
    def test_it_says_where_it_listens(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0)
        assert exporter.url is None
        assert exporter.start() is exporter
        assert str(exporter.url).startswith("http://127.0.0.1:")
        exporter.close()
        assert exporter.url is None

    def test_twice_is_an_error(self, exporter: TrainingExporter) -> None:
        with pytest.raises(VaeExporterError) as raised:
            exporter.start()
        assert str(raised.value) == f"the exporter of run 'bs4' listens already, on {exporter.url}"
        assert state(scrape(exporter.url)) == ["running"]

    def test_where_it_cannot_listen_it_says_so_before_the_training(self) -> None:
        exporter = TrainingExporter("bs4", host="192.0.2.1", linger_seconds=0)  # an address for documentation: RFC 5737
        with pytest.raises(EndpointError, match=r"cannot listen on 192\.0\.2\.1:9645"):
            exporter.start()
        exporter.close()

    @pytest.mark.parametrize(
        "settings",
        [{"run": ""}, {"port": -1}, {"linger_seconds": -1}, {"info": {"run": "x"}}, {"rank": "first"}],
        ids=str,
    )
    def test_bad_settings_are_an_error_before_it(self, settings: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match=next(iter(settings))):
            TrainingExporter(**{"run": "bs4", **settings})

    def test_settings_are_seen(self) -> None:
        settings: dict[str, Any] = {
            "rank": 3,
            "loss_weights": {"rec": 10},
            "band_edges": {"sharpness": {"min": 0.5}},
            "info": {"model": "causal-vae"},
            "outputs_url": "https://example.com/samples",
            "start_step": 500,
        }
        with TrainingExporter("bs4", port=0, linger_seconds=0, **settings) as exporter:
            text = get(f"{exporter.url}/metrics").text
        for line in (
            'vae_run_info{model="causal-vae",outputs_url="https://example.com/samples",rank="3",run="bs4"} 1.0',
            'vae_loss_weight{component="rec",rank="3",run="bs4"} 10.0',
            'vae_band_edge{edge="min",rank="3",run="bs4",signal="sharpness"} 0.5',
            'vae_run_start_step{rank="3",run="bs4"} 500.0',
            'vae_run_resumed{rank="3",run="bs4"} 1.0',
        ):
            assert line in text.splitlines()


class TestEnd:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (None, "finished"),
            (SystemExit(0), "finished"),
            (SystemExit(None), "finished"),
            (SystemExit(1), "failed"),
            (SystemExit("loss is nan"), "failed"),
            (RuntimeError("CUDA out of memory"), "failed"),
            (KeyboardInterrupt(), "terminated"),
        ],
        ids=repr,
    )
    def test_the_last_scrape_says_how_the_run_ended(self, error: BaseException | None, expected: str) -> None:
        with (
            nullcontext() if error is None else pytest.raises(type(error)),
            TrainingExporter("bs4", port=0, linger_seconds=DEADLINE_SECONDS) as exporter,
        ):
            scraper = Scraper(exporter)
            exporter.observe(41, nll=0.5)
            if error is not None:
                raise error

        last = scraper.last_scrape()
        assert (state(last), last["vae_step"], last["vae_loss nll train"]) == ([expected], 41, 0.5)
        assert last["vae_run_end_timestamp_seconds"] == pytest.approx(time.time(), abs=DEADLINE_SECONDS)

    def test_close_waits_for_a_scraper_that_comes_again_and_no_longer(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=DEADLINE_SECONDS).start()
        scraper = Scraper(exporter)
        assert seconds_to_close(exporter) < DEADLINE_SECONDS
        assert state(scraper.last_scrape()) == ["finished"]

    def test_close_waits_no_longer_than_it_may(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0.3).start()
        scrape(exporter.url)
        assert 0.3 <= seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_close_does_not_wait_where_it_may_not(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0).start()
        scrape(exporter.url)
        assert seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_close_does_not_wait_where_nobody_ever_came(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=2 * DEADLINE_SECONDS).start()
        assert seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_an_interrupt_ends_the_wait(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=2 * DEADLINE_SECONDS).start()
        url = f"{exporter.url}/metrics"
        get(url, User_Agent="one that never comes again")

        def interrupt_once_it_waits() -> None:
            wait_until(
                lambda: state(samples_of(get(url, User_Agent="one that looks on").text)) != ["running"],
                "the wait begins",
            )
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt_once_it_waits, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            exporter.close()
        assert time.monotonic() - began < DEADLINE_SECONDS
        with pytest.raises(ConnectionRefusedError):
            get(url)

    def test_closing_again_does_nothing(self) -> None:
        with TrainingExporter("bs4", port=0, linger_seconds=0) as exporter:
            url = str(exporter.url)
            exporter.close()
            exporter.close()
        with pytest.raises(ConnectionRefusedError):
            get(url)

    def test_close_without_start(self) -> None:
        exporter = TrainingExporter("bs4")
        exporter.observe(1, nll=0.5)
        exporter.close()


def seconds_to_close(exporter: TrainingExporter) -> float:
    began = time.monotonic()
    exporter.close()
    return time.monotonic() - began


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
