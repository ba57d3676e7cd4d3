"""A training process that tests scrape and end."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from children import child, line_of
from deadline import wait_until
from http_get import SCRAPER, get
from scraping import Samples, samples_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEADLINE_SECONDS = 20.0
"""A limit for what takes milliseconds."""

NEVER_SECONDS = 100.0
"""The linger time of exporters in tests in which something else ends the wait."""

WITH = """
with exporter:
    train()
"""

WITHOUT_WITH = """
exporter.start()
train()
"""

GO_ON = None
"""No signal: the process ends once it is told to go on."""

_PRELUDE = """\
import multiprocessing, os, select, signal, sys, threading
from vae_exporter import TrainingExporter

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests run by nohup ignore it, and so would this process

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

_MAIN = 'if __name__ == "__main__":\n'

_MAKE = """\
    exporter = TrainingExporter("bs4", port=0, linger_seconds={linger}, gpus=False)
"""


@dataclass
class Trainer:
    """A process that runs *script*, in which ``exporter`` is made and not started, unless *before* *makes* it."""

    folder: Path
    script: str
    before: str = ""
    linger: float = DEADLINE_SECONDS
    arguments: tuple[str, ...] = ()
    stderr: Path | None = None
    makes: bool = True
    process: subprocess.Popen[str] = field(init=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        file = self.folder / "train.py"
        make = _MAKE.format(linger=self.linger) if self.makes else ""
        indented = "".join(f"    {line}\n" for line in self.script.strip().splitlines())
        file.write_text(f"{_PRELUDE}\n{self.before}\n{_MAIN}{make}{indented}")
        command = [sys.executable, str(file), *self.arguments]
        with ExitStack() as stack:
            stderr = None if self.stderr is None else stack.enter_context(self.stderr.open("wb"))
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": stderr}
            self.process = stack.enter_context(child(command, seconds=3 * DEADLINE_SECONDS, **pipes))
            yield

    def hears(self) -> str:
        """Return the next line that the process prints."""
        return line_of(self.process).strip()

    def goes_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self) -> int:
        """Wait for the end of the process, and return its exit status."""
        return self.process.wait(DEADLINE_SECONDS)


def last_scrape(url: str) -> Samples:
    """Scrape *url* until it no longer answers, and return the last samples."""
    text = ""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with suppress(OSError):
        while time.monotonic() < deadline:
            text = get(f"{url}/metrics", **SCRAPER).text
    assert time.monotonic() < deadline, "the exporter still answers"
    return samples_of(text)


def wait_for_state(url: str, expected: str) -> None:
    """Wait until the landing page shows the state. A look at that page does not count as a scrape."""
    wait_until(lambda: f"state<td>{expected}" in get(url).text, f"the state {expected}")
