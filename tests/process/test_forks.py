"""A forked child does not touch its parent's run, and a child's own run ends with the child."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from http_get import get
from scraping import scrape, state
from trained_process import Trainer, last_scrape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answers(url: str) -> bool:
    with suppress(OSError):
        return get(f"{url}/healthz").status == 200
    return False


class TestForks:
    def test_a_forked_child_does_not_change_the_run(self, train: Callable[..., Trainer], tmp_path: Path) -> None:
        """Calls in the child change nothing: the run belongs to the parent."""
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

    def test_a_fork_while_another_thread_observes_does_not_deadlock(self, train: Callable[..., Trainer]) -> None:
        """The child has no such thread, so a lock that it held is never released there."""
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
    def test_the_run_of_a_child_ends_with_the_child(
        self, train: Callable[..., Trainer], method: str, *, is_terminated: bool, expected: str
    ) -> None:
        """Most children of multiprocessing end by os._exit(), which skips atexit."""
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
                os.kill(pid, 0)  # fails if the process is gone
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
