"""How a run ends: real processes that train, and are scraped, terminated and interrupted as in life."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from children import child, line_of
from deadline import wait_until
from http_get import get
from scraping import Samples, samples_of, scrape, state

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE_SECONDS = 20.0
"""For what takes milliseconds."""

NEVER_SECONDS = 100.0
"""How long an exporter lingers where the test shows that something else ends the wait."""

_PRELUDE = """\
import multiprocessing, os, select, signal, sys, threading
from vae_exporter import TrainingExporter

def say(word):
    os.write(1, f"{word}\\n".encode())  # in one piece: its workers speak, too

def until_told():
    # A signal that comes just before a call that waits is handled after it: so none waits for long, as in a real loop.
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        pass
    sys.stdin.readline()

def train():
    exporter.observe(41, nll=0.5)
    say(exporter.url)
    until_told()
"""

_MAIN = """\
if __name__ == "__main__":
    exporter = TrainingExporter("bs4", port=0, linger_seconds={linger}, gpus=False)
"""


@dataclass
class Trainer:
    """A process that runs *script*, in which ``exporter`` is made and not started."""

    folder: Path
    script: str
    before: str = ""
    linger: float = DEADLINE_SECONDS
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[str] = field(init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        file = self.folder / "train.py"
        indented = "".join(f"    {line}\n" for line in self.script.strip().splitlines())
        file.write_text(f"{_PRELUDE}\n{self.before}\n{_MAIN.format(linger=self.linger)}{indented}")
        command = [sys.executable, str(file), *self.arguments]
        with child(
            command, seconds=3 * DEADLINE_SECONDS, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as self.process:
            yield

    def hears(self) -> str:
        """Return what the process says next."""
        return line_of(self.process).strip()

    def goes_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self) -> int:
        """Wait for the end of the process, and return its exit status."""
        return self.process.wait(DEADLINE_SECONDS)


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[..., Trainer]]:
    """Return a function that starts a `Trainer`."""
    with ExitStack() as stack:

        def start(script: str, *arguments: str, before: str = "", linger: float = DEADLINE_SECONDS) -> Trainer:
            trainer = Trainer(tmp_path, script, before, linger, arguments)
            stack.enter_context(trainer.running())
            return trainer

        yield start


def last_scrape(url: str) -> Samples:
    """Scrape *url* again and again until nobody answers, and return what came last."""
    text = ""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with suppress(OSError):
        while time.monotonic() < deadline:
            text = get(f"{url}/metrics").text
    assert time.monotonic() < deadline, "the exporter still answers"
    return samples_of(text)


def wait_for_state(url: str, expected: str) -> None:
    """Wait until the page for people shows that state: to look at that is no scrape."""
    wait_until(lambda: f"state<td>{expected}" in get(url).text, f"the state {expected}")


def answers(url: str) -> bool:
    with suppress(OSError):
        return get(f"{url}/healthz").status == 200
    return False


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
    """The process ends between two scrapes, and the next scrape sees how."""

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
    def test_it_says_how(
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

    def test_a_run_that_is_closed_in_a_pause_is_finished(self, train: Callable[..., Trainer]) -> None:
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
    def test_it_does_not_wait_for_ever(self, train: Callable[..., Trainer], linger: float) -> None:
        trainer = train(WITH, linger=linger)
        scrape(trainer.hears())  # and never again
        trainer.goes_on()
        assert trainer.ends() == 0

    @pytest.mark.parametrize("script", [WITH, WITHOUT_WITH], ids=["with", "without"])
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
    def test_a_second_signal_ends_it_at_once(
        self, train: Callable[..., Trainer], script: str, number: signal.Signals
    ) -> None:
        trainer = train(f"sys.stderr = None\n{script}", linger=NEVER_SECONDS)
        url = trainer.hears()
        scrape(url)
        trainer.process.send_signal(number)
        wait_for_state(url, "terminated")
        trainer.process.send_signal(number)
        assert trainer.ends() == -number


class TestHandlersOfTheUser:
    HANDLER = """
stop = threading.Event()

def handler(number, frame):
    say("the user's own")
    stop.set()
"""

    def test_one_that_stands_already_is_called_and_stands_again_after_close(
        self, train: Callable[..., Trainer]
    ) -> None:
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

    def test_one_that_comes_later_stays(self, train: Callable[..., Trainer]) -> None:
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

    def test_one_that_comes_later_may_call_ours_and_outlive_it(self, train: Callable[..., Trainer]) -> None:
        """With the next run it is under ours again, and calls the first: none may call itself."""
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

    def test_where_it_is_ignored_it_stays_so(self, train: Callable[..., Trainer]) -> None:
        script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + WITH
        trainer = train(script + "say(signal.getsignal(signal.SIGTERM) is signal.SIG_IGN)", linger=0)
        trainer.hears()
        trainer.process.terminate()
        trainer.goes_on()
        assert trainer.hears() == "True"
        assert trainer.ends() == 0

    def test_after_close_sigterm_ends_the_process_as_ever(self, train: Callable[..., Trainer]) -> None:
        trainer = train(WITH + "say('closed')\nuntil_told()", linger=0)
        trainer.hears()
        trainer.goes_on()
        assert trainer.hears() == "closed"
        trainer.process.terminate()
        assert trainer.ends() == -signal.SIGTERM


class TestThreads:
    def test_after_a_close_from_another_thread_sigterm_ends_the_process_as_ever(
        self, train: Callable[..., Trainer]
    ) -> None:
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

    def test_an_exporter_of_another_thread_ends_with_its_process(self, train: Callable[..., Trainer]) -> None:
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

    def test_an_exporter_of_another_thread_takes_no_signal(self, train: Callable[..., Trainer]) -> None:
        """SIGTERM ends the process as it would without it; and the main thread's exporter ends by it as ever."""
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

    def test_two_exporters_end_each_for_itself(self, train: Callable[..., Trainer]) -> None:
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

    def test_two_exporters_end_by_one_signal(self, train: Callable[..., Trainer]) -> None:
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

    def test_close_while_another_thread_observes(self) -> None:
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

    def test_a_close_waits_for_the_one_under_way(self) -> None:
        """After it the process may exit, and with it the thread of the other."""
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


class TestForks:
    def test_a_fork_is_not_the_run(self, train: Callable[..., Trainer], tmp_path: Path) -> None:
        """Whatever it does, the run is its parent's."""
        script = f"""
exporter = TrainingExporter("bs4", port=0, targets_dir={str(tmp_path / "targets")!r}, gpus=False)
with exporter:
    with exporter.paused():
        child = os.fork()
    if child == 0:
        say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        exporter.observe(99, nll=9.0)
        exporter.observe_log(99, {{"nll_loss": 9.0}})
        exporter.observe_probe(99, nll=9.0)
        with exporter.paused():
            pass
        exporter.close()
        sys.exit(1)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    train()
"""
        trainer = train(script)
        assert trainer.hears() == "True"
        assert trainer.hears() == "1"
        url = trainer.hears()
        samples = scrape(url)
        assert (state(samples), samples["vae_step"], samples["vae_loss nll train"]) == (["running"], 41, 0.5)
        assert len(list((tmp_path / "targets").glob("*.json"))) == 1
        trainer.process.terminate()
        assert state(last_scrape(url)) == ["terminated"]
        assert trainer.ends() == 143
        assert list((tmp_path / "targets").iterdir()) == []

    def test_a_fork_while_another_thread_records(self, train: Callable[..., Trainer]) -> None:
        """The other thread is not in the child, and what it held is held there for ever."""
        before = """
class Slow(int):
    def __float__(self):
        recording.set()
        go_on.wait()
        return 0.5
"""
        script = """
recording, go_on = threading.Event(), threading.Event()
with exporter:
    threading.Thread(target=lambda: exporter.observe(40, nll=Slow())).start()
    recording.wait()
    child = os.fork()
    if child == 0:
        exporter.observe(99, nll=9.0)
        exporter.close()
        sys.exit(7)
    say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    go_on.set()
"""
        trainer = train(script, before=before)
        assert trainer.hears() == "7"
        assert trainer.ends() == 0

    @pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
    @pytest.mark.parametrize(("is_terminated", "expected"), [(False, "failed"), (True, "terminated")])
    def test_a_run_of_a_child_ends_with_the_child(
        self, train: Callable[..., Trainer], method: str, *, is_terminated: bool, expected: str
    ) -> None:
        """Most children of multiprocessing end by os._exit(), and call nothing that atexit knows."""
        before = """
def train_in_child(go_on):
    exporter = TrainingExporter("of a child", port=0).start()
    say(exporter.url)
    while not go_on.wait(0.05): pass
"""
        script = f"""
context = multiprocessing.get_context("{method}")
go_on = context.Event()
child = context.Process(target=train_in_child, args=(go_on,))
child.start()
until_told()
{"child.terminate()" if is_terminated else "go_on.set()"}
child.join()
"""
        trainer = train(script, before=before)
        url = trainer.hears()
        scrape(url)
        trainer.goes_on()
        assert state(last_scrape(url)) == [expected]

    WORKERS_BY_FORK = """
for _ in range(2):
    multiprocessing.get_context("{method}").Process(target=work).start()
"""

    WORKERS_OF_A_LOADER = """
from torch.utils.data import DataLoader
next(iter(DataLoader(Clips(), num_workers=2, multiprocessing_context="{method}")))
"""

    WORK = """
def work():
    say(os.getpid())
    signal.pause()

class Clips:
    def __len__(self):
        return 2
    def __getitem__(self, index):
        work()
"""

    @pytest.mark.parametrize(
        ("workers", "method"),
        [
            (WORKERS_BY_FORK, "fork"),
            (WORKERS_BY_FORK, "forkserver"),
            (WORKERS_BY_FORK, "spawn"),
            (WORKERS_OF_A_LOADER, "fork"),
        ],
        ids=["fork", "forkserver", "spawn", "DataLoader"],
    )
    def test_workers_that_outlive_a_killed_trainer_do_not_keep_its_port(
        self, train: Callable[..., Trainer], workers: str, method: str
    ) -> None:
        trainer = train("exporter.start()\nsay(exporter.url)" + workers.format(method=method), before=self.WORK)
        url = trainer.hears()
        pids = [int(trainer.hears()) for _ in range(2)]
        try:
            assert answers(url)
            trainer.process.kill()
            trainer.ends()
            assert not answers(url)
            port = urlsplit(url).port
            with socket.socket() as successor:
                successor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                successor.bind(("127.0.0.1", port))
                successor.listen()
            for pid in pids:
                os.kill(pid, 0)  # it lives
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
