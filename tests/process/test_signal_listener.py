"""The thread that hears signals."""

from __future__ import annotations

import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING, NoReturn

import pytest

from vae_exporter._process.signal_listener import SignalListener

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = signal.SIGUSR2


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """Python hears only signals that have a handler.

    The listener of an exporter that another thread has closed, in an earlier test, still has the descriptor.
    """
    descriptor = signal.set_wakeup_fd(-1)
    before = signal.signal(NUMBER, lambda *_: None)
    yield
    signal.signal(NUMBER, before)
    signal.set_wakeup_fd(descriptor)


def test_each_signal_is_passed_on_until_it_stops() -> None:
    heard: list[int] = []
    listener = SignalListener(heard.append)
    listener.start()
    signal.raise_signal(NUMBER)
    signal.raise_signal(NUMBER)
    listener.flush()
    assert heard == [NUMBER, NUMBER]
    listener.stop()
    signal.raise_signal(NUMBER)
    listener.flush()
    assert heard == [NUMBER, NUMBER]
    assert signal.set_wakeup_fd(-1) == -1


def test_the_thread_outlives_an_error(caplog: pytest.LogCaptureFixture) -> None:
    def raises(_: int) -> NoReturn:
        raise RuntimeError("no space is left")

    listener = SignalListener(raises)
    listener.start()
    signal.raise_signal(NUMBER)
    signal.raise_signal(NUMBER)
    listener.flush()
    listener.stop()
    message = f"the signal {NUMBER} could not be passed on; the training continues"
    assert [record.getMessage() for record in caplog.records] == [message] * 2


@pytest.fixture
def others() -> Iterator[int]:
    """The descriptor of somebody else, such as an event loop of asyncio that handles signals."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other:
        other.settimeout(0)  # as set_wakeup_fd requires
        yield other.fileno()
        signal.set_wakeup_fd(-1)


def test_it_does_not_replace_the_descriptor_of_others(others: int) -> None:
    signal.set_wakeup_fd(others, warn_on_full_buffer=False)
    listener = SignalListener(print)
    listener.start()
    listener.stop()
    assert signal.set_wakeup_fd(-1) == others


def test_it_keeps_the_descriptor_with_which_others_replaced_its_own(others: int) -> None:
    listener = SignalListener(print)
    listener.start()
    signal.set_wakeup_fd(others, warn_on_full_buffer=False)
    listener.stop()
    assert signal.set_wakeup_fd(-1) == others
