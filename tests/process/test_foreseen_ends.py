"""Signals that ask a process to end whose main thread cannot answer, or that goes on."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from scraping import scrape, state

from vae_exporter import TrainingExporter
from vae_exporter._process import life_cycle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trained_process import Trainer

STUCK = """
import hashlib
exporter = TrainingExporter("bs4", port=0, targets_dir={targets!r}, gpus=False).start()
exporter.observe(41, nll=0.5)
say(exporter.url)
threading.Timer(0.5, say, ["stuck"]).start()
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # minutes, in which Python runs no signal handler
"""


def ends(targets: Path) -> list[tuple[str, str]]:
    """Return the state and the step of each end in *targets*."""
    labels = [json.loads(file.read_text())[0]["labels"] for file in targets.glob("*-ended.json")]
    return [(one["end_state"], one["end_step"]) for one in labels]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_stuck_process_that_is_killed_after_a_signal_was_terminated(
    train: Callable[..., Trainer], tmp_path: Path, number: signal.Signals
) -> None:
    targets = tmp_path / "targets"
    trainer = train(STUCK.format(targets=str(targets)), makes=False)
    url = trainer.hears()
    assert trainer.hears() == "stuck"
    assert ends(targets) == []
    trainer.process.send_signal(number)
    wait_until(lambda: ends(targets) == [("terminated", "41")], "the end")
    assert state(scrape(url)) == ["running"]
    trainer.process.kill()
    trainer.ends()
    assert ends(targets) == [("terminated", "41")]


@pytest.fixture
def ignored() -> Iterator[list[int]]:
    """Handle SIGTERM and SIGUSR1 by noting them, as a training that goes on does."""
    heard: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: heard.append(number))
        for number in (signal.SIGTERM, signal.SIGUSR1)
    }
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_training_that_goes_on_takes_the_end_back(
    ignored: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False, targets_dir=tmp_path) as exporter:
        exporter.observe(41, nll=0.5)
        signal.raise_signal(signal.SIGTERM)
        wait_until(lambda: ends(tmp_path) == [("terminated", "41")], "the end")
        exporter.observe(42, nll=0.5)
        assert len(ends(tmp_path)) == 1
        monkeypatch.setattr(life_cycle, "ASKED_SECONDS", 0)
        exporter.observe(43, nll=0.5)
        assert ends(tmp_path) == []
    assert ignored == [signal.SIGTERM]


def test_a_signal_that_a_user_handles_for_another_purpose_means_no_end(ignored: list[int], tmp_path: Path) -> None:
    with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False, targets_dir=tmp_path) as exporter:
        exporter.observe(41, nll=0.5)
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGTERM)  # heard after the other one
        wait_until(lambda: len(ends(tmp_path)) == 1, "the end by SIGTERM")
    assert ignored == [signal.SIGUSR1, signal.SIGTERM]


def test_the_end_that_comes_replaces_the_foreseen_one(ignored: list[int], tmp_path: Path) -> None:
    with TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False, targets_dir=tmp_path) as exporter:
        exporter.observe(41, nll=0.5)
        scrape(exporter.url)
        signal.raise_signal(signal.SIGTERM)
        wait_until(lambda: ends(tmp_path) == [("terminated", "41")], "the end")
        exporter.observe(42, nll=0.5)
        exporter.close("failed")
    assert ends(tmp_path) == [("failed", "42")]
    assert ignored == [signal.SIGTERM]
