"""How a run ends, in real processes that train, are scraped, and receive signals."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from http_get import get
from scraping import scrape, state
from trained_process import NEVER_SECONDS, Trainer, last_scrape, wait_for_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WITH = """
with exporter:
    train()
"""

WITHOUT_WITH = """
exporter.start()
train()
"""

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

GO_ON = None


class TestLastScrape:
    """A process that ends between two scrapes waits until the next scrape has read its state."""

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
        self,
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

    def test_a_run_that_is_closed_during_a_pause_is_finished(self, train: Callable[..., Trainer]) -> None:
        script = """
        exporter.start()
        with exporter.paused("validation"):
            train()
            exporter.close()
        """
        trainer = train("\n".join(line[8:] for line in script.splitlines()))
        url = trainer.hears()
        assert state(scrape(url)) == ["paused"]
        trainer.goes_on()
        assert state(last_scrape(url)) == ["finished"]
        assert trainer.ends() == 0


class TestLinger:
    @pytest.mark.parametrize("linger", [0, 0.2])
    def test_the_wait_for_a_scraper_that_is_gone_is_limited(self, train: Callable[..., Trainer], linger: float) -> None:
        trainer = train(WITH, linger=linger)
        scrape(trainer.hears())  # and never again
        trainer.goes_on()
        assert trainer.ends() == 0

    @pytest.mark.parametrize("script", [WITH, WITHOUT_WITH], ids=["with", "without"])
    @pytest.mark.parametrize(
        ("number", "status"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
    )
    def test_another_signal_leaves_the_end_in_the_target_file(
        self, train: Callable[..., Trainer], tmp_path: Path, script: str, number: signal.Signals, status: int
    ) -> None:
        targets = tmp_path / "targets"
        made = f"""
exporter = TrainingExporter(
    "bs4", port=0, targets_dir={str(targets)!r}, linger_seconds={NEVER_SECONDS}, gpus=False
)
"""
        trainer = train(f"{made}{script}", stderr=tmp_path / "stderr")
        url = trainer.hears()
        scrape(url)
        trainer.process.send_signal(number)
        wait_for_state(url, "terminated")
        trainer.process.send_signal(number)
        assert trainer.ends() == status
        assert "Exception ignored" not in (tmp_path / "stderr").read_text()
        (file,) = targets.iterdir()
        (target,) = json.loads(file.read_text())
        assert target["targets"] == [url.removeprefix("http://")]
        assert target["labels"].items() >= {"run": "bs4", "end_state": "terminated", "end_step": "41"}.items()

    def test_without_a_target_file_a_sigterm_does_not_lose_the_end(self, train: Callable[..., Trainer]) -> None:
        trainer = train(WITH, linger=NEVER_SECONDS)
        url = trainer.hears()
        scrape(url)
        trainer.process.terminate()
        wait_for_state(url, "terminated")
        trainer.process.terminate()
        assert get(url).status == 200
        assert state(last_scrape(url)) == ["terminated"]
        assert trainer.ends() == 143

    def test_without_a_target_file_more_of_them_end_the_wait(self, train: Callable[..., Trainer]) -> None:
        trainer = train(WITH, linger=NEVER_SECONDS)
        url = trainer.hears()
        scrape(url)
        trainer.process.terminate()
        wait_for_state(url, "terminated")

        def has_ended_by_another_one() -> bool:
            trainer.process.terminate()
            return trainer.process.poll() is not None

        wait_until(has_ended_by_another_one, "the end of the process")

    def test_a_signal_that_is_repeated_at_once_does_not_cut_off_the_cleanup(
        self, train: Callable[..., Trainer]
    ) -> None:
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


class TestOrderlyEnds:
    """What a scheduler or a person asks for is terminated, and never a failure."""

    TURNED_INTO_AN_EXIT = """
with exporter:
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
            pytest.param(OWN_EXIT_CODE, signal.SIGUSR1, 255, id="exit-code-of-the-users-own"),
            pytest.param(SAYS_SO, signal.SIGUSR1, 0, id="close-terminated"),
            pytest.param(WITH, signal.SIGHUP, 129, id="sighup"),
            pytest.param(WITH, signal.SIGUSR1, 138, id="sigusr1"),
            pytest.param(WITHOUT_WITH, signal.SIGUSR2, 140, id="sigusr2"),
            pytest.param(INTERACTIVE, GO_ON, 0, id="leaving-a-console"),
        ],
    )
    def test_it_is_terminated(
        self, train: Callable[..., Trainer], script: str, number: signal.Signals | None, status: int
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
    def test_a_handler_of_the_users_own_stays_in_place(
        self, train: Callable[..., Trainer], tmp_path: Path, handler: str
    ) -> None:
        trainer = train(f"{handler}\n{WITH}", stderr=tmp_path / "stderr")
        url = trainer.hears()
        trainer.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "in train" in (tmp_path / "stderr").read_text(), "the user's handler")
        assert state(scrape(url)) == ["running"]
        trainer.goes_on()
        assert state(last_scrape(url)) == ["finished"]

    def test_a_state_that_there_is_not_is_logged(self, train: Callable[..., Trainer], tmp_path: Path) -> None:
        trainer = train('exporter.start()\ntrain()\nexporter.close("done")', stderr=tmp_path / "stderr")
        url = trainer.hears()
        scrape(url)
        trainer.goes_on()
        assert state(last_scrape(url)) == ["finished"]
        assert (
            "close() got the state 'done': expected one of finished, failed, terminated"
            in (tmp_path / "stderr").read_text()
        )

    def test_a_second_signal_that_does_not_wake_the_main_thread_ends_the_wait(
        self, train: Callable[..., Trainer], tmp_path: Path
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


class TestHandlersOfUsers:
    HANDLER = """
stop = threading.Event()

def handler(number, frame):
    say("the user's own")
    stop.set()
"""

    def test_an_earlier_handler_is_called_and_restored_after_close(self, train: Callable[..., Trainer]) -> None:
        script = """
signal.signal(signal.SIGTERM, handler)
exporter.start()
say(exporter.url)
while not stop.wait(0.05): pass
exporter.close()
say(signal.getsignal(signal.SIGTERM) is handler)
"""
        trainer = train(script, before=self.HANDLER)
        url = trainer.hears()
        scrape(url)
        trainer.process.terminate()
        assert trainer.hears() == "the user's own"
        assert state(last_scrape(url)) == ["terminated"]
        assert trainer.hears() == "True"
        assert trainer.ends() == 0

    def test_a_later_handler_replaces_ours_and_stays(self, train: Callable[..., Trainer]) -> None:
        script = """
exporter.start()
signal.signal(signal.SIGTERM, handler)
say(exporter.url)
while not stop.wait(0.05): pass
exporter.close()
say(signal.getsignal(signal.SIGTERM) is handler)
"""
        trainer = train(script, before=self.HANDLER)
        url = trainer.hears()
        scrape(url)
        trainer.process.terminate()
        assert trainer.hears() == "the user's own"
        assert state(last_scrape(url)) == ["finished"]
        assert trainer.hears() == "True"

    def test_a_later_handler_may_call_ours_and_outlive_it(self, train: Callable[..., Trainer]) -> None:
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

    def test_an_ignored_sigterm_stays_ignored(self, train: Callable[..., Trainer]) -> None:
        script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + WITH
        trainer = train(script + "say(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)", linger=0)
        trainer.hears()
        trainer.process.terminate()
        trainer.goes_on()
        assert trainer.hears() == "True"
        assert trainer.ends() == 0

    def test_after_close_sigterm_has_its_default_action(self, train: Callable[..., Trainer]) -> None:
        trainer = train(WITH + "say('closed')\nuntil_told()", linger=0)
        trainer.hears()
        trainer.goes_on()
        assert trainer.hears() == "closed"
        trainer.process.terminate()
        assert trainer.ends() == -signal.SIGTERM
