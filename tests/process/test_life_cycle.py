"""The state that a run ends in. A process that ends between two scrapes waits until the next one has read it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from scraping import scrape, state
from trained_process import GO_ON, NEVER_SECONDS, WITH, WITHOUT_WITH, Trainer, last_scrape, wait_for_state

if TYPE_CHECKING:
    from collections.abc import Callable

FINALLY = """
exporter.start()
try:
    train()
    # what ends it
finally:
    exporter.close()
"""

WITHIN_EXCEPT = """
try:
    raise MemoryError
except MemoryError:
    exporter = TrainingExporter("bs4-again", port=0).start()
    train()
    exporter.close()
"""


@pytest.mark.parametrize(
    ("script", "number", "expected", "status"),
    [
        pytest.param(WITHOUT_WITH + "exporter.close()", GO_ON, "finished", 0, id="close"),
        pytest.param(WITH, GO_ON, "finished", 0, id="with"),
        pytest.param(WITH + "    sys.exit()", GO_ON, "finished", 0, id="with-exit"),
        pytest.param(WITH + "    sys.stderr = None; 1 / 0", GO_ON, "failed", 1, id="with-exception"),
        pytest.param(WITH + "    sys.exit(1)", GO_ON, "failed", 1, id="with-exit-1"),
        pytest.param(FINALLY, GO_ON, "finished", 0, id="finally"),
        pytest.param(
            FINALLY.replace("# what", "sys.stderr = None; 1 / 0 #"), GO_ON, "failed", 1, id="finally-exception"
        ),
        pytest.param(WITHIN_EXCEPT, GO_ON, "finished", 0, id="tried-again-in-except"),
        pytest.param(FINALLY, signal.SIGINT, "terminated", -signal.SIGINT, id="finally-sigint"),
        pytest.param(WITHOUT_WITH, GO_ON, "failed", 0, id="no-close"),
        pytest.param(WITHOUT_WITH + "sys.exit(1)", GO_ON, "failed", 1, id="exit-1"),
        pytest.param(WITHOUT_WITH + "sys.stderr = None; 1 / 0", GO_ON, "failed", 1, id="exception"),
        pytest.param(WITH, signal.SIGTERM, "terminated", 143, id="with-sigterm"),
        pytest.param(WITHOUT_WITH, signal.SIGTERM, "terminated", 143, id="sigterm"),
        pytest.param(WITH, signal.SIGINT, "terminated", -signal.SIGINT, id="with-sigint"),
        pytest.param(WITHOUT_WITH, signal.SIGINT, "terminated", -signal.SIGINT, id="sigint"),
    ],
)
def test_the_last_scrape_reads_how_the_run_ended(
    train: Callable[..., Trainer],
    script: str,
    number: signal.Signals | None,
    expected: str,
    status: int,
) -> None:
    trainer = train(script, linger=NEVER_SECONDS)
    url = trainer.hears()
    assert state(scrape(url)) == ["running"]

    if number is GO_ON:
        trainer.goes_on()
    else:
        trainer.process.send_signal(number)
    wait_for_state(url, expected)
    assert trainer.process.poll() is None

    last = last_scrape(url)
    assert (state(last), last["vae_step"], last["vae_loss nll train"]) == ([expected], 41, 0.5)
    assert trainer.ends() == status


def test_a_run_that_is_closed_during_a_pause_is_finished(train: Callable[..., Trainer]) -> None:
    script = """
exporter.start()
with exporter.paused("validation"):
    train()
    exporter.close()
"""
    trainer = train(script)
    url = trainer.hears()
    assert state(scrape(url)) == ["paused"]
    trainer.goes_on()
    assert state(last_scrape(url)) == ["finished"]
    assert trainer.ends() == 0
