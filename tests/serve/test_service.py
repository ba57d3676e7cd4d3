"""The start and the end of a run, as a scraper sees them over HTTP."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from deadline import wait_until
from http_get import SCRAPER, get
from scraping import Samples, samples_of, scrape, state

from vae_exporter import SettingsError, TrainingExporter, VaeExporterError
from vae_exporter._serve import service

DEADLINE_SECONDS = 20.0
"""A limit for what takes milliseconds."""


class Scraper:
    """Scrapes an exporter without a pause until it no longer answers."""

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
                self._text = get(self._url, **SCRAPER).text
                self._first.set()


class TestStart:
    def test_url_is_set_while_the_exporter_listens(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0)
        assert exporter.url is None
        assert exporter.start() is exporter
        assert str(exporter.url).startswith("http://127.0.0.1:")
        exporter.close()
        assert exporter.url is None

    def test_twice_is_once(self, exporter: TrainingExporter) -> None:
        url = exporter.url
        with exporter.start() as again:
            assert again.url == url
            assert state(scrape(url)) == ["running"]

    def test_after_the_end_it_is_an_error(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0).start()
        exporter.close()
        with pytest.raises(VaeExporterError, match="the run 'bs4' has ended: create a new exporter"):
            exporter.start()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            # an address for documentation: RFC 5737
            ({"host": "192.0.2.1"}, "run 'bs4' is not watched: cannot listen on 192.0.2.1:9645"),
            ({"port": 0, "targets_dir": "/proc/none"}, "run 'bs4' has no target file, so Prometheus may not find it: "),
        ],
        ids=["host", "folder"],
    )
    def test_what_the_machine_denies_is_logged_and_the_training_continues(
        self, settings: dict[str, Any], message: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with TrainingExporter("bs4", linger_seconds=0, gpus=False, **settings) as exporter:
            exporter.observe(1, nll=0.5)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert caplog.records[0].getMessage().startswith(message)

    @pytest.mark.parametrize(
        "settings",
        [{"run": ""}, {"port": -1}, {"linger_seconds": -1}, {"info": {"run": "x"}}, {"rank": "first"}],
        ids=str,
    )
    def test_invalid_settings_are_an_error_before_start(self, settings: dict[str, Any]) -> None:
        with pytest.raises(SettingsError, match=next(iter(settings))):
            TrainingExporter(**{"run": "bs4", **settings})

    def test_settings_are_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLURMD_NODENAME", "node7")
        settings: dict[str, Any] = {
            "rank": 3,
            "loss_weights": {"rec": 10},
            "band_edges": {"sharpness": {"min": 0.5}},
            "info": {"model": "vae"},
            "outputs_url": "https://example.com/samples",
            "start_step": 500,
        }
        with TrainingExporter("bs4", port=0, linger_seconds=0, **settings) as exporter:
            text = get(f"{exporter.url}/metrics").text
        for line in (
            'vae_run_info{model="vae",node="node7",outputs_url="https://example.com/samples",rank="3",run="bs4"} 1.0',
            'vae_loss_weight{component="rec",rank="3",run="bs4"} 10.0',
            'vae_band_edge{edge="min",rank="3",run="bs4",signal="sharpness"} 0.5',
            'vae_run_start_step{rank="3",run="bs4"} 500.0',
            'vae_run_resumed{rank="3",run="bs4"} 1.0',
        ):
            assert line in text.splitlines()


def test_an_error_while_the_rank_is_settled_ends_no_thread_and_is_not_repeated_without_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch.distributed raises while a process group is being destroyed, for example."""
    times: list[float] = []

    def raises(_: object) -> None:
        times.append(time.monotonic())
        raise RuntimeError("the process group is invalid")

    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("LOCAL_RANK", "1")  # the rank is not settled at the start
    with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False) as exporter:
        with monkeypatch.context() as patched:
            patched.setattr(service, "known_rank", raises)
            wait_until(lambda: len(times) >= 5, "five attempts")
        assert times[4] - times[0] > 0.2
        exporter.observe(1, nll=0.5)
        found = scrape(exporter.url)
    assert state(found) == ["running"]
    assert found["vae_exporter_errors_total collect"] >= 5


def test_a_run_that_nobody_scrapes_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(service, "RECENT_SECONDS", 0.6)
    with TrainingExporter("bs4", rank=0, port=0, linger_seconds=0, gpus=False) as exporter:
        scrape(exporter.url)
        assert caplog.records == []
        wait_until(lambda: bool(caplog.records), "the warning")
        for _ in range(3):  # each request is another round of the thread that looks
            get(str(exporter.url))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("run 'bs4' has not been scraped for ")


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
    def test_the_last_scrape_reads_how_the_run_ended(self, error: BaseException | None, expected: str) -> None:
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

    def test_close_waits_until_a_recent_scraper_has_scraped_again(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=DEADLINE_SECONDS).start()
        scraper = Scraper(exporter)
        assert seconds_to_close(exporter) < DEADLINE_SECONDS
        assert state(scraper.last_scrape()) == ["finished"]

    def test_the_wait_of_close_is_limited(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0.3).start()
        scrape(exporter.url)
        assert 0.3 <= seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_close_does_not_wait_with_linger_seconds_0(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0).start()
        scrape(exporter.url)
        assert seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_close_does_not_wait_if_nothing_has_scraped(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=2 * DEADLINE_SECONDS).start()
        assert seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_a_person_who_looks_is_not_waited_for(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=2 * DEADLINE_SECONDS).start()
        get(f"{exporter.url}/metrics", User_Agent="curl/8.5.0")
        assert seconds_to_close(exporter) < DEADLINE_SECONDS

    def test_it_says_why_it_waits(self, caplog: pytest.LogCaptureFixture) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0.1, gpus=False).start()
        scrape(exporter.url)
        exporter.close()
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            (
                "WARNING",
                (
                    "run 'bs4' finished. It waits up to 0 s for 1 more scrape, so that Prometheus reads the end. "
                    "Ctrl-C ends the wait."
                ),
            )
        ]

    def test_an_interrupt_ends_the_wait(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=2 * DEADLINE_SECONDS).start()
        url = f"{exporter.url}/metrics"
        scrape(exporter.url)  # and never again

        def interrupt_once_it_waits() -> None:
            wait_until(lambda: state(samples_of(get(url).text)) != ["running"], "the wait begins")
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt_once_it_waits, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            exporter.close()
        assert time.monotonic() - began < DEADLINE_SECONDS
        with pytest.raises(ConnectionRefusedError):
            get(url)

    def test_a_second_close_does_nothing(self) -> None:
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
