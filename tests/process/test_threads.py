"""How a run ends if several threads use its exporter."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from scraping import scrape, state
from trained_process import DEADLINE_SECONDS, Trainer, last_scrape, wait_for_state

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable


class TestThreads:
    def test_after_close_in_another_thread_sigterm_has_its_default_action(self, train: Callable[..., Trainer]) -> None:
        script = """
exporter.start()
train()
closing = threading.Thread(target=exporter.close)
closing.start()
closing.join()
say("closed")
until_told()
"""
        trainer = train(script)
        url = trainer.hears()
        scrape(url)
        trainer.goes_on()
        assert state(last_scrape(url)) == ["finished"]
        assert trainer.hears() == "closed"
        trainer.process.terminate()
        assert trainer.ends() == -signal.SIGTERM

    def test_an_exporter_started_in_another_thread_ends_with_its_process(self, train: Callable[..., Trainer]) -> None:
        script = """
starting = threading.Thread(target=exporter.start)
starting.start()
starting.join()
train()
"""
        trainer = train(script)
        url = trainer.hears()
        scrape(url)
        trainer.goes_on()
        assert state(last_scrape(url)) == ["failed"]

    def test_an_exporter_started_in_another_thread_installs_no_signal_handler(
        self, train: Callable[..., Trainer]
    ) -> None:
        """SIGTERM keeps its default action, until the main thread starts an exporter of its own."""
        script = """
in_thread = TrainingExporter("of another thread", port=0, linger_seconds=0, gpus=False)
starting = threading.Thread(target=in_thread.start)
starting.start()
starting.join()
say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
with exporter:
    train()
"""
        trainer = train(script)
        assert trainer.hears() == "True"
        url = trainer.hears()
        scrape(url)
        trainer.process.terminate()
        assert state(last_scrape(url)) == ["terminated"]

    def test_two_exporters_end_independently(self, train: Callable[..., Trainer]) -> None:
        script = """
first = TrainingExporter("first", port=0, gpus=False).start()
exporter.start()
say(first.url)
train()
first.close()
train()
"""
        trainer = train(script)
        first, second = trainer.hears(), trainer.hears()
        assert first != second
        scrape(first)
        trainer.goes_on()
        assert state(last_scrape(first)) == ["finished"]
        assert trainer.hears() == second
        assert state(scrape(second)) == ["running"]
        trainer.process.terminate()
        assert state(last_scrape(second)) == ["terminated"]
        assert trainer.ends() == 143

    def test_one_sigterm_ends_two_exporters(self, train: Callable[..., Trainer]) -> None:
        script = """
with TrainingExporter("first", port=0, gpus=False) as first, exporter:
    say(first.url)
    train()
"""
        trainer = train(script)
        first, second = trainer.hears(), trainer.hears()
        scrape(first)
        scrape(second)
        trainer.process.terminate()
        assert state(last_scrape(second)) == ["terminated"]
        assert state(last_scrape(first)) == ["terminated"]
        assert trainer.ends() == 143

    def test_close_succeeds_while_another_thread_observes(self) -> None:
        exporter = TrainingExporter("bs4", port=0, linger_seconds=0).start()
        observing, stop = threading.Event(), threading.Event()

        def observe() -> None:
            while not stop.is_set():
                exporter.observe(nll=0.5)
                observing.set()

        thread = threading.Thread(target=observe, daemon=True)
        thread.start()
        assert observing.wait(DEADLINE_SECONDS)
        exporter.close()
        assert thread.is_alive()
        stop.set()
        thread.join(DEADLINE_SECONDS)
        assert exporter.url is None

    def test_a_second_close_waits_for_the_first(self) -> None:
        """The process may exit after the second call, which would kill the thread of the first."""
        exporter = TrainingExporter("bs4", port=0, linger_seconds=DEADLINE_SECONDS).start()
        url = str(exporter.url)
        scrape(url)
        first = threading.Thread(target=exporter.close, daemon=True)
        first.start()
        wait_for_state(url, "finished")
        second = threading.Thread(target=exporter.close, daemon=True)
        second.start()
        last_scrape(url)
        second.join(DEADLINE_SECONDS)
        assert not second.is_alive()
        assert exporter.url is None
