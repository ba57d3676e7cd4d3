"""Hears signals while the main thread cannot.

Python runs signal handlers in the main thread only, between two bytecodes. A rank that waits in a collective operation
for another one runs none, and is killed some seconds after the signal that asked it to end.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


_FLUSH = 0
"""A byte that is no signal."""

_FLUSH_SECONDS = 2.0

_logger = logging.getLogger("vae_exporter")


class SignalListener:
    """Passes the number of each signal that has a Python handler to *hear*, in a thread of its own.

    It uses the wakeup file descriptor of the process (`signal.set_wakeup_fd`), unless that is taken, for example by
    asyncio. Only the main thread may call `start` and `stop`.
    """

    def __init__(self, hear: Callable[[int], object]) -> None:
        self._hear = hear
        self._sockets: tuple[socket.socket, socket.socket] | None = None
        self._flushed = threading.Event()

    def start(self) -> None:
        """Start to listen. Does nothing if it listens already."""
        if self._sockets:
            return
        ours, its = socket.socketpair()
        its.settimeout(0)  # never blocks, as set_wakeup_fd requires
        before = signal.set_wakeup_fd(its.fileno(), warn_on_full_buffer=False)
        if before != -1:
            signal.set_wakeup_fd(before)
            ours.close()
            its.close()
            return
        self._sockets = ours, its
        threading.Thread(target=self._listen, args=(ours,), daemon=True, name="vae-signals").start()

    def flush(self) -> None:
        """Wait until the signals so far have been passed on."""
        if self._sockets:
            self._flushed.clear()
            with suppress(OSError):  # so many signals are waiting that the socket is full
                self._sockets[1].send(bytes([_FLUSH]))
            self._flushed.wait(_FLUSH_SECONDS)

    def stop(self) -> None:
        """Stop listening, and end the thread."""
        if self._sockets:
            with suppress(OSError):  # the training has closed it, for example with os.closerange
                self._release()[1].close()  # the thread then reads the end

    def abandon(self) -> None:
        """Let go of the sockets in a forked process, which does not have the thread."""
        if self._sockets:
            for each in self._release():
                each.close()

    def _release(self) -> tuple[socket.socket, socket.socket]:
        assert self._sockets  # noqa: S101 - for the type checker
        (ours, its), self._sockets = self._sockets, None
        present = signal.set_wakeup_fd(-1)
        if present not in (-1, its.fileno()):  # somebody else has replaced it since
            signal.set_wakeup_fd(present)
        return ours, its

    def _listen(self, ours: socket.socket) -> None:
        with suppress(OSError), ours:  # likewise
            while numbers := ours.recv(64):
                for number in numbers:
                    if number == _FLUSH:
                        self._flushed.set()
                    else:
                        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        try:
            self._hear(number)
        except Exception:
            _logger.exception("the signal %d could not be passed on; the training continues", number)
