"""Signal handlers that users install before and after the exporter."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from scraping import scrape, state
from trained_process import WITH, Trainer, last_scrape

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLER = """
stop = threading.Event()

def handler(number, frame):
    say("the user's own")
    stop.set()
"""


def test_an_earlier_handler_is_called_and_restored_after_close(train: Callable[..., Trainer]) -> None:
    script = """
signal.signal(signal.SIGTERM, handler)
exporter.start()
say(exporter.url)
while not stop.wait(0.05): pass
exporter.close()
say(signal.getsignal(signal.SIGTERM) is handler)
"""
    trainer = train(script, before=HANDLER)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    assert trainer.hears() == "the user's own"
    assert state(last_scrape(url)) == ["terminated"]
    assert trainer.hears() == "True"
    assert trainer.ends() == 0


def test_a_later_handler_replaces_ours_and_stays(train: Callable[..., Trainer]) -> None:
    script = """
exporter.start()
signal.signal(signal.SIGTERM, handler)
say(exporter.url)
while not stop.wait(0.05): pass
exporter.close()
say(signal.getsignal(signal.SIGTERM) is handler)
"""
    trainer = train(script, before=HANDLER)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    assert trainer.hears() == "the user's own"
    assert state(last_scrape(url)) == ["finished"]
    assert trainer.hears() == "True"


def test_a_later_handler_may_call_ours_and_outlive_it(train: Callable[..., Trainer]) -> None:
    """The handler of the next run wraps the user's, which calls that of the first run: no handler may recurse."""
    script = """
exporter.start()
ours = signal.getsignal(signal.SIGTERM)

def over_ours(number, frame):
    say("the user's own")
    ours(number, frame)

signal.signal(signal.SIGTERM, over_ours)
exporter.close()
exporter = TrainingExporter("the next", port=0, gpus=False)
with exporter:
    train()
"""
    trainer = train(script)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    assert trainer.hears() == "the user's own"
    assert state(last_scrape(url)) == ["terminated"]
    assert trainer.ends() == 143
    assert trainer.hears() == ""


def test_an_ignored_sigterm_stays_ignored(train: Callable[..., Trainer]) -> None:
    script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + WITH
    trainer = train(script + "say(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)", linger=0)
    trainer.hears()
    trainer.process.terminate()
    trainer.goes_on()
    assert trainer.hears() == "True"
    assert trainer.ends() == 0


def test_after_close_sigterm_has_its_default_action(train: Callable[..., Trainer]) -> None:
    trainer = train(WITH + "say('closed')\nuntil_told()", linger=0)
    trainer.hears()
    trainer.goes_on()
    assert trainer.hears() == "closed"
    trainer.process.terminate()
    assert trainer.ends() == -signal.SIGTERM
