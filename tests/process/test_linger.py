"""The wait for the last scrape, and what ends it."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest
from deadline import wait_until
from http_get import get
from scraping import scrape, state
from trained_process import NEVER_SECONDS, WITH, WITHOUT_WITH, Trainer, last_scrape, wait_for_state

from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import Intervals, prometheus
from vae_exporter.vocabulary import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def found_in(targets: Path) -> str:
    """Return the code that makes ``exporter``, with its target file in *targets*."""
    options = f"port=0, targets_dir={str(targets)!r}, linger_seconds={NEVER_SECONDS}, gpus=False"
    return f'exporter = TrainingExporter("bs4", {options})\n'


def written_in(targets: Path) -> list[dict[str, Any]]:
    """Return what the files in *targets* contain."""
    return [json.loads(file.read_text())[0] for file in targets.glob("*.json")]


@pytest.mark.parametrize("linger", [0, 0.2])
def test_the_wait_for_a_scraper_that_is_gone_is_limited(train: Callable[..., Trainer], linger: float) -> None:
    trainer = train(WITH, linger=linger)
    scrape(trainer.hears())  # and never again
    trainer.goes_on()
    assert trainer.ends() == 0


@pytest.mark.parametrize("script", [WITH, WITHOUT_WITH], ids=["with", "without"])
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_another_signal_leaves_the_end_in_the_target_file(
    train: Callable[..., Trainer], tmp_path: Path, script: str, number: signal.Signals, status: int
) -> None:
    targets = tmp_path / "targets"
    trainer = train(found_in(targets) + script, stderr=tmp_path / "stderr")
    url = trainer.hears()
    scrape(url)
    trainer.process.send_signal(number)
    wait_for_state(url, "terminated")
    trainer.process.send_signal(number)
    assert trainer.ends() == status
    assert "Exception ignored" not in (tmp_path / "stderr").read_text()
    (left,) = written_in(targets)
    assert left["targets"] == [url.removeprefix("http://")]
    assert left["labels"].items() >= {"run": "bs4", "end_state": "terminated", "end_step": "41"}.items()


def test_a_process_that_is_killed_while_it_waits_has_left_its_end(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    targets = tmp_path / "targets"
    trainer = train(found_in(targets) + WITH)
    url = trainer.hears()
    scrape(url)
    trainer.goes_on()
    wait_until(lambda: len(written_in(targets)) == 2, "the file with the end")
    trainer.process.kill()
    trainer.ends()
    states = [target["labels"].get("end_state", "") for target in written_in(targets)]
    assert sorted(states) == ["", "finished"]


def test_an_end_that_is_scraped_leaves_no_file(train: Callable[..., Trainer], tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    trainer = train(found_in(targets) + WITH)
    url = trainer.hears()
    scrape(url)
    trainer.goes_on()
    wait_until(lambda: len(written_in(targets)) == 2, "the file with the end")
    assert state(last_scrape(url)) == ["finished"]
    assert trainer.ends() == 0
    assert written_in(targets) == []


def test_prometheus_reads_the_end_of_a_process_that_was_killed_while_it_waited(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    rarely = Intervals(scrape="15s", evaluation="1s")
    server = prometheus(tmp_path, targets_folder=targets, alertmanager_url="http://127.0.0.1:1", intervals=rarely)
    with server as url:
        states = "run_rank:vae_run_state:code"
        trainer = train(found_in(targets) + WITH)
        trainer.hears()
        wait_until(lambda: Prometheus(url).value(states) == RUN_STATES["running"], "a scrape")
        trainer.goes_on()
        wait_until(lambda: len(written_in(targets)) == 2, "the file with the end")
        trainer.process.kill()
        wait_until(lambda: Prometheus(url).value(states) == RUN_STATES["finished"], "the end", seconds=60)
        assert Prometheus(url).query("run_rank:vae_run:disappeared") == []


def test_without_a_target_file_a_sigterm_does_not_lose_the_end(train: Callable[..., Trainer]) -> None:
    trainer = train(WITH, linger=NEVER_SECONDS)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    wait_for_state(url, "terminated")
    trainer.process.terminate()
    assert get(url).status == 200
    assert state(last_scrape(url)) == ["terminated"]
    assert trainer.ends() == 143


def test_without_a_target_file_more_of_them_end_the_wait(train: Callable[..., Trainer]) -> None:
    trainer = train(WITH, linger=NEVER_SECONDS)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    wait_for_state(url, "terminated")

    def has_ended_by_another_one() -> bool:
        trainer.process.terminate()
        return trainer.process.poll() is not None

    wait_until(has_ended_by_another_one, "the end of the process")


def test_a_signal_that_is_repeated_at_once_does_not_cut_off_the_cleanup(train: Callable[..., Trainer]) -> None:
    """scancel signals every process of a job, and torchrun passes it on to its ranks."""
    script = """
with exporter:
    try:
        train()
    finally:
        say("cleaning up")
        until_told()
        say("clean")
"""
    trainer = train(script, linger=NEVER_SECONDS)
    url = trainer.hears()
    scrape(url)
    trainer.process.terminate()
    assert trainer.hears() == "cleaning up"
    trainer.process.terminate()
    trainer.goes_on()
    assert trainer.hears() == "clean"
    assert state(last_scrape(url)) == ["terminated"]
    assert trainer.ends() == 143


def test_a_second_signal_that_does_not_wake_the_main_thread_ends_the_wait(
    train: Callable[..., Trainer], tmp_path: Path
) -> None:
    """Another thread receives it. One that comes just before a wait does not wake the main thread either."""
    before = """
def receive(told):
    while not os.path.exists(told):
        threading.Event().wait(0.05)
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.Thread(target=receive, args=sys.argv[1:], daemon=True).start()
"""
    told = tmp_path / "told"
    trainer = train(f"sys.stderr = None\n{WITH}", str(told), before=before, linger=NEVER_SECONDS)
    url = trainer.hears()
    scrape(url)
    trainer.process.send_signal(signal.SIGINT)
    wait_for_state(url, "terminated")
    told.touch()
    assert trainer.ends() == -signal.SIGINT
