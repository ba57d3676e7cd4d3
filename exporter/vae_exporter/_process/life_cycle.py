"""Ends runs that do not end themselves: on SIGTERM, at the exit of the process, and in a forked child.

Signals and exits belong to the process, so the state of this module is global: one SIGTERM handler for all runs, which
is installed with the first run and removed with the last.
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

_EXIT_CODE = 128 + signal.SIGTERM  # as shells report a process that SIGTERM ended


@dataclass(frozen=True, eq=False)
class Run:
    """A run to watch.

    Args:
        end: Ends the run in the given state, unless it has already ended.
        abandon: Releases the run's resources in a forked child. The run continues in the parent.
    """

    end: Callable[[EndState], object]
    abandon: Callable[[], object]


class _Process:
    """The runs of this process, and whether it has received SIGTERM since the first of them started."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.is_terminated = False
        self.is_hooked = False
        self.lock = threading.RLock()  # reentrant: a user's signal handler may close a run while this thread starts one


class _SigtermHandler:
    """A SIGTERM handler that replaces *previous* and calls it.

    Each installation is a new object with its own *previous*. A user's handler may wrap one of them and be wrapped by
    the next, so a shared object could call itself without end.
    """

    def __init__(self, previous: Any) -> None:  # noqa: ANN401 - what signal.getsignal returns
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        _process.is_terminated = bool(_process.runs)
        if callable(self.previous):
            self.previous(number, frame)  # the user's handler decides whether and when the process ends
            return
        signal.signal(number, signal.SIG_DFL)
        if _process.runs:
            # SystemExit instead of immediate death, which would leave no time for the last scrape. If something
            # catches it, a second SIGTERM ends the process.
            sys.exit(_EXIT_CODE)
        signal.raise_signal(number)  # a thread closed the last run and was not allowed to remove this handler


_process = _Process()


def watch(run: Run) -> None:
    """End *run* when this process receives SIGTERM or exits, and abandon it in a forked child, until `unwatch`.

    Only the main thread can install signal handlers. After a call from another thread, SIGTERM has its usual effect.
    """
    with _process.lock:
        if not _process.is_hooked:
            _process.is_hooked = True
            atexit.register(_at_exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork_in_child)
        if not _process.runs:
            _process.is_terminated = False
            if multiprocessing.parent_process():  # multiprocessing's children may skip atexit
                # The import registers an exit handler that joins child processes. At the top of this module it would
                # come before ours, and run after it: a run would end while its children still train.
                from multiprocessing.util import Finalize  # noqa: PLC0415

                Finalize(None, _at_exit, exitpriority=0)
        _process.runs.append(run)
        _take_sigterm()


def unwatch(run: Run) -> None:
    """Stop watching *run*."""
    with _process.lock:
        if run in _process.runs:
            _process.runs.remove(run)
        if not _process.runs:
            _give_sigterm_back()


def state_after(error: BaseException | None) -> EndState:
    """Return the state in which a run ends now, given the exception that ends it. None means a regular end."""
    if _process.is_terminated or isinstance(error, KeyboardInterrupt):
        return "terminated"
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "failed"


def _take_sigterm() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread can install signal handlers
    previous = signal.getsignal(signal.SIGTERM)
    if previous in (signal.SIG_IGN, None):  # ignored, or handled outside Python: neither can be chained
        return
    if not isinstance(previous, _SigtermHandler):
        signal.signal(signal.SIGTERM, _SigtermHandler(previous))


def _give_sigterm_back() -> None:
    # Keep a handler that the user has installed over ours.
    present = signal.getsignal(signal.SIGTERM)
    if isinstance(present, _SigtermHandler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, present.previous)


def _at_exit() -> None:
    # These runs were never closed, which counts as a failure: trainers often call sys.exit(1) on NaN. Python keeps an
    # uncaught exception in sys.last_value; in a child of multiprocessing it is still being handled.
    error = sys.exc_info()[1] or getattr(sys, "last_value", None)
    state: EndState = "terminated" if state_after(error) == "terminated" else "failed"
    for run in tuple(_process.runs):
        run.end(state)


def _after_fork_in_child() -> None:
    _process.lock = threading.RLock()  # another thread of the parent may hold the old one, which is never released here
    for run in _process.runs:
        run.abandon()
    _process.runs.clear()
    _give_sigterm_back()
