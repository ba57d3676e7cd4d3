"""What ends a run without a word of its own: SIGTERM, an exit of the process, a fork.

Signals and exits are the process's, so that is what this module keeps: one handler, however many runs, put in place
with the first and taken away with the last.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from vae_exporter.vocabulary import EndState

_EXIT_CODE = 128 + signal.SIGTERM  # what a shell calls a process that SIGTERM ended


@dataclass(frozen=True, eq=False)
class Run:
    """What is watched.

    Args:
        end: ends the run in the state that it is given, if it has not ended yet.
        abandon: lets go of everything: this process is a fork, and the run is its parent's.
    """

    end: Callable[[EndState], object]
    abandon: Callable[[], object]


class _Process:
    """The runs of this process, and whether SIGTERM has come since the first of them."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.is_terminated = False
        self.is_hooked = False
        self.lock = threading.RLock()  # a handler of the user's may close a run while this thread starts another


class _SigtermHandler:
    """Stands for SIGTERM in the place of *previous*.

    Each has its own: a handler that the user puts over one, and that calls it, may find itself under the next.
    """

    def __init__(self, previous: Any) -> None:  # noqa: ANN401 - what signal.getsignal returns
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        _process.is_terminated = bool(_process.runs)
        if callable(self.previous):
            self.previous(number, frame)  # the user's own: it decides whether and when the process ends
            return
        signal.signal(number, signal.SIG_DFL)
        if _process.runs:
            # Not the end at once, which would leave no time for the last scrape: the loop is left as by sys.exit().
            # Where it is not, because something catches that, a second SIGTERM ends the process.
            sys.exit(_EXIT_CODE)
        signal.raise_signal(number)  # the last run was closed by a thread that may not take this handler away


_process = _Process()


def watch(run: Run) -> None:
    """End *run* when this process is terminated or exits, and let go of it in a fork, until `unwatch`.

    Only the main thread may handle signals: from another one SIGTERM ends the process as it would without a run.
    """
    with _process.lock:
        if not _process.is_hooked:
            _process.is_hooked = True
            atexit.register(_at_exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork_in_child)
        if not _process.runs:
            _process.is_terminated = False
            if multiprocessing.parent_process():  # a child of multiprocessing may end without calling what atexit knows
                from multiprocessing.util import Finalize  # noqa: PLC0415 - before ours, its exit would wait last

                Finalize(None, _at_exit, exitpriority=0)
        _process.runs.append(run)
        _take_sigterm()


def unwatch(run: Run) -> None:
    """Leave *run* alone from now on."""
    with _process.lock:
        if run in _process.runs:
            _process.runs.remove(run)
        if not _process.runs:
            _give_sigterm_back()


def state_after(error: BaseException | None) -> EndState:
    """Return the state of a run that ends now, by *error* or by the caller's own word."""
    if _process.is_terminated or isinstance(error, KeyboardInterrupt):
        return "terminated"
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "failed"


def _take_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may
    previous = signal.getsignal(signal.SIGTERM)
    if previous in (signal.SIG_IGN, None):  # ignored, or handled by what is not Python: both are left as they are
        return
    if not isinstance(previous, _SigtermHandler):
        signal.signal(signal.SIGTERM, _SigtermHandler(previous))


def _give_sigterm_back() -> None:
    # A handler that the user has put in our place since stays.
    present = signal.getsignal(signal.SIGTERM)
    if isinstance(present, _SigtermHandler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, present.previous)


def _at_exit() -> None:
    # Nobody closed these runs. A trainer that meets NaN often calls sys.exit(1) before it logs anything. An error that
    # nothing caught has been printed by now, and Python remembers it; in a child of multiprocessing it is on its way.
    error = sys.exc_info()[1] or getattr(sys, "last_value", None)
    state: EndState = "terminated" if state_after(error) == "terminated" else "failed"
    for run in tuple(_process.runs):
        run.end(state)


def _after_fork_in_child() -> None:
    _process.lock = threading.RLock()  # another thread of the parent may have held it
    for run in _process.runs:
        run.abandon()
    _process.runs.clear()
    _give_sigterm_back()
