"""Ends runs that do not end themselves: on a signal, at the exit of the process, and in a forked child.

Signals and exits belong to the process, so the state of this module is global: one handler a signal for all runs, which
is installed with the first run and removed with the last.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vae_exporter._process.signal_listener import SignalListener

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from types import FrameType

    from vae_exporter.vocabulary import EndState

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""The signals by which schedulers and launchers end a process."""

_REPEAT_SECONDS = 5.0
"""A signal within this time of the first one is the same request: scancel signals every process of a job, and torchrun
passes it on to its ranks once more."""

ASKED_SECONDS = 300.0
"""An exit within this time of a signal is what the signal asked for. A training that continues for longer goes on."""


@dataclass(frozen=True, eq=False)
class Run:
    """A run to watch.

    Args:
        name: What it has in common with another exporter of the same run and rank in this process.
        end: Ends the run in the given state, unless it has already ended.
        abandon: Releases the run's resources in a forked child. The run continues in the parent.
        replace: Releases the run's resources because another exporter in this process continues the run.
        hurry: Ends the wait for the last scrapes, given the signal that asks for it.
        foresee: Keeps the end that a signal asks for, in case the process is killed before it ends. It is called in
            another thread than the main one.
    """

    name: object
    end: Callable[[EndState], object]
    abandon: Callable[[], object]
    replace: Callable[[], object]
    hurry: Callable[[int], object]
    foresee: Callable[[], object]


class _Process:
    """The runs of this process, and whether a signal has asked it to end since the first of them started."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.ending: list[Run] = []
        self.terminated_at: float | None = None
        self.asked_at: float | None = None
        self.is_exiting = False
        self.is_handling = False
        self.is_hooked = False
        self.listener = SignalListener(_foresee)
        self.lock = threading.RLock()  # reentrant: a user's signal handler may close a run while this thread starts one


@dataclass
class Ending:
    """The end of a run, during which signals hurry it instead of killing the process.

    Args:
        signal: The last of these signals.
    """

    signal: int | None = None


class _Handler:
    """A signal handler that replaces *previous* and calls it.

    Each installation is a new object with its own *previous*. A user's handler may wrap one of them and be wrapped by
    the next, so a shared object could call itself without end.
    """

    def __init__(self, previous: Any) -> None:  # noqa: ANN401 - what signal.getsignal returns
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if _process.is_handling:  # a user's handler, which the first of ours called, calls an older one of ours
            self._act(number, frame, is_repeated=False)
            return
        _process.is_handling = True
        try:
            for run in tuple(_process.ending):
                run.hurry(number)
            self._act(number, frame, is_repeated=_is_repeated())
        finally:
            _process.is_handling = False

    def _act(self, number: int, frame: FrameType | None, *, is_repeated: bool) -> None:
        if callable(self.previous):
            self.previous(number, frame)  # the user's handler decides whether and when the process ends
        elif not _process.runs:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)  # a thread closed the last run and was not allowed to remove this handler
        elif not is_repeated and not _process.is_exiting and len(_process.ending) < len(_process.runs):
            exit_by(number)


def _foresee(number: int) -> None:
    """Prepare the runs for an end by the signal *number*, if it means one."""
    is_usual = number in (signal.SIGTERM, signal.SIGINT)
    if is_usual or (number in _SIGNALS and isinstance(signal.getsignal(number), _Handler)):
        _process.asked_at = time.monotonic()
        for run in tuple(_process.runs):
            run.foresee()


_process = _Process()


def _is_repeated() -> bool:
    """Return whether this is the request of an earlier signal once more. Else remember that it was made."""
    now = time.monotonic()
    if _process.terminated_at is not None and now < _process.terminated_at + _REPEAT_SECONDS:
        return True
    if _process.runs:
        _process.terminated_at = now
    return False


def watch(run: Run) -> None:
    """End *run* when a signal or an exit ends this process, and abandon it in a forked child, until `unwatch`.

    Only the main thread can install signal handlers. After a call from another thread, signals have their usual effect.
    """
    with _process.lock:
        if not _process.is_hooked:
            _process.is_hooked = True
            atexit.register(_at_exit)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_after_fork_in_child)
        if not _process.runs:
            _process.terminated_at = _process.asked_at = None
            if multiprocessing.parent_process():  # multiprocessing's children may skip atexit
                # The import registers an exit handler that joins child processes. At the top of this module it would
                # come before ours, and run after it: a run would end while its children still train.
                from multiprocessing.util import Finalize  # noqa: PLC0415

                Finalize(None, _at_exit, exitpriority=0)
        _process.runs.append(run)
        _take_signals()


def unwatch(run: Run) -> None:
    """Stop watching *run*."""
    with _process.lock:
        if run in _process.runs:
            _process.runs.remove(run)
        if not _process.runs:
            _give_signals_back()


def replace_runs(name: object) -> None:
    """Replace the runs of this process that have that *name*: a cell of a notebook was run again."""
    with _process.lock:
        for run in [run for run in _process.runs if run.name == name]:
            run.replace()
            unwatch(run)


@contextmanager
def ending(run: Run) -> Iterator[Ending]:
    """Have signals hurry *run* while the block ends it: they would cut off its last scrape, and its end with it."""
    end = Ending()

    def hurry(number: int) -> None:
        end.signal = number
        run.hurry(number)

    listed = replace(run, hurry=hurry)
    is_main = threading.current_thread() is threading.main_thread()
    interrupt = signal.getsignal(signal.SIGINT) if is_main else None
    _process.ending.append(listed)
    try:
        if callable(interrupt):
            signal.signal(signal.SIGINT, lambda number, _: hurry(number))
        yield end
    finally:
        _process.ending.remove(listed)
        if callable(interrupt):
            signal.signal(signal.SIGINT, interrupt)


def exit_by(number: int) -> NoReturn:
    """Exit as the signal *number* asks, with the status that shells report for it."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    # SystemExit instead of immediate death, which would leave no time for the last scrape.
    sys.exit(128 + number)


def state_after(error: BaseException | None, orderly_exit_codes: Collection[int] = ()) -> EndState:
    """Return the state in which a run ends now, given the exception that ends it. None means a regular end.

    A trainer that turns Ctrl-C into ``sys.exit(1)`` was terminated, and so was one that exits with one of
    *orderly_exit_codes*.
    """
    code = error.code if isinstance(error, SystemExit) else None
    cause = error
    while isinstance(cause, SystemExit):
        cause = cause.__context__
    is_orderly = isinstance(code, int) and code in orderly_exit_codes
    if _process.terminated_at is not None or isinstance(cause, KeyboardInterrupt) or is_orderly:
        return "terminated"
    if error is None or (isinstance(error, SystemExit) and code in (None, 0)):
        return "finished"
    return "failed"


def _take_signals() -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread can install signal handlers
    _process.listener.start()
    for number in _SIGNALS:
        previous = signal.getsignal(number)
        # An ignored signal stays ignored. One that is handled outside Python cannot be chained. Other signals than
        # SIGTERM mean the end only if nobody handles them.
        is_ours = isinstance(previous, _Handler)
        is_unhandled = previous is signal.SIG_DFL and not _is_caught_outside_python(number)
        if not is_ours and (is_unhandled or (number == signal.SIGTERM and callable(previous))):
            signal.signal(number, _Handler(previous))


def _is_caught_outside_python(number: int) -> bool:
    """Return whether C code handles a signal, as ``faulthandler.register`` does. Only Linux can answer."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split(maxsplit=1)[0], 16)
    return bool(caught >> (number - 1) & 1)


def _give_signals_back() -> None:
    if threading.current_thread() is threading.main_thread():
        _process.listener.stop()
        for number in _SIGNALS:
            present = signal.getsignal(number)
            if isinstance(present, _Handler):  # keep a handler that the user has installed over ours
                signal.signal(number, present.previous)


def _at_exit() -> None:
    _process.is_exiting = True
    # These runs were never closed, which counts as a failure: trainers often call sys.exit(1) on NaN. Python keeps an
    # uncaught exception in sys.last_value; in a child of multiprocessing it is still being handled.
    error = sys.exc_info()[1] or getattr(sys, "last_value", None)
    # A trainer that turns Ctrl-C into sys.exit(1) leaves no exception, but the signal has been heard.
    _process.listener.flush()
    is_asked = error is None and _process.asked_at is not None and time.monotonic() < _process.asked_at + ASKED_SECONDS
    is_terminated = state_after(error) == "terminated" or is_asked or _is_interactive()
    for run in tuple(_process.runs):
        run.end("terminated" if is_terminated else "failed")


def _is_interactive() -> bool:
    """Return whether a person types into this process: to leave a notebook or a console is no failure."""
    ipython = sys.modules.get("IPython")
    return hasattr(sys, "ps1") or (ipython is not None and ipython.get_ipython() is not None)


def _after_fork_in_child() -> None:
    _process.lock = threading.RLock()  # another thread of the parent may hold the old one, which is never released here
    for run in _process.runs:
        run.abandon()
    _process.runs.clear()
    _process.ending.clear()
    _process.listener.abandon()
    _give_signals_back()
