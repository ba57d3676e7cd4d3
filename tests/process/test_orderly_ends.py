"""Ends that a scheduler or a person asks for. They are terminated, and never a failure."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from scraping import scrape, state
from trained_process import GO_ON, WITH, WITHOUT_WITH, Trainer, last_scrape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TURNED_INTO_AN_EXIT = """
with exporter:
    try:
        train()
    except KeyboardInterrupt:
        sys.exit(1)
"""

TURNED_INTO_AN_EXIT_WITHOUT_CLOSE = """
exporter.start()
try:
    train()
except KeyboardInterrupt:
    sys.exit(1)
"""

OWN_EXIT_CODE = """
exporter = TrainingExporter("bs4", port=0, gpus=False, orderly_exit_codes=[-1])
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(-1))
with exporter:
    train()
"""

SAYS_SO = """
signal.signal(signal.SIGUSR1, lambda *_: (exporter.close("terminated"), sys.exit(0)))
exporter.start()
train()
"""

INTERACTIVE = "sys.ps1 = '>>> '\n" + WITHOUT_WITH


@pytest.mark.parametrize(
    ("script", "number", "status"),
    [
        pytest.param(TURNED_INTO_AN_EXIT, signal.SIGINT, 1, id="ctrl-c-that-becomes-exit-1"),
        pytest.param(TURNED_INTO_AN_EXIT_WITHOUT_CLOSE, signal.SIGINT, 1, id="ctrl-c-and-no-close"),
        pytest.param(OWN_EXIT_CODE, signal.SIGUSR1, 255, id="exit-code-of-the-users-own"),
        pytest.param(SAYS_SO, signal.SIGUSR1, 0, id="close-terminated"),
        pytest.param(WITH, signal.SIGHUP, 129, id="sighup"),
        pytest.param(WITH, signal.SIGUSR1, 138, id="sigusr1"),
        pytest.param(WITHOUT_WITH, signal.SIGUSR2, 140, id="sigusr2"),
        pytest.param(INTERACTIVE, GO_ON, 0, id="leaving-a-console"),
    ],
)
def test_it_is_terminated(
    train: Callable[..., Trainer], script: str, number: signal.Signals | None, status: int
) -> None:
    trainer = train(script)
    url = trainer.hears()
    scrape(url)
    if number is GO_ON:
        trainer.goes_on()
    else:
        trainer.process.send_signal(number)
    assert state(last_scrape(url)) == ["terminated"]
    assert trainer.ends() == status


@pytest.mark.parametrize(
    "handler",
    [
        "signal.signal(signal.SIGUSR1, lambda *_: os.write(2, b'in train'))",
        "import faulthandler; faulthandler.register(signal.SIGUSR1)",
    ],
    ids=["python", "c"],
)
def test_a_handler_of_the_users_own_stays_in_place(train: Callable[..., Trainer], tmp_path: Path, handler: str) -> None:
    trainer = train(f"{handler}\n{WITH}", stderr=tmp_path / "stderr")
    url = trainer.hears()
    trainer.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: "in train" in (tmp_path / "stderr").read_text(), "the user's handler")
    assert state(scrape(url)) == ["running"]
    trainer.goes_on()
    assert state(last_scrape(url)) == ["finished"]


def test_a_state_that_there_is_not_is_logged(train: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer = train('exporter.start()\ntrain()\nexporter.close("done")', stderr=tmp_path / "stderr")
    url = trainer.hears()
    scrape(url)
    trainer.goes_on()
    assert state(last_scrape(url)) == ["finished"]
    assert (
        "close() got the state 'done': expected one of finished, failed, terminated"
        in (tmp_path / "stderr").read_text()
    )
