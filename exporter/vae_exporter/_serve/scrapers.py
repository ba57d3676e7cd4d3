"""Counts the scrapes of a run, and waits for those that its end still needs."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RECENT_SECONDS = 300.0
"""A scraper that came within this time is expected to come again."""

_MOST_SCRAPES = 64
"""How many scrapes are remembered: three intervals of 20 servers."""

_JITTER = 0.05
"""The part of its interval by which a scraper may be early or late."""

_MOST_LATE = 0.2
"""The part of all scrapes that may be later than that, or missing."""

_IN_TIME = 0.5
"""The part of its timeout within which a scraper must have its answer, to count. It throws away an answer that comes
after all of it, and it began to wait before this process heard of it."""

SIGNAL_SECONDS = 0.5
"""The longest wait in one piece: a signal that comes just before a wait is handled only after it."""


class Scrapers:
    """Counts scrapes, so that the end of a run is not lost between two of them.

    It keeps when scrapes began and nothing that a client sent. Two servers on one host, such as a pair for high
    availability, look alike anyway: only the number of scrapes in one interval shows that there are two.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._began: deque[float] = deque(maxlen=_MOST_SCRAPES)
        self._served: deque[float] = deque(maxlen=_MOST_SCRAPES)  # when those that were sent in full began
        self._timeout = 0.0
        self._is_hurried = False

    def now(self) -> float:
        """Return the time on the clock of this object."""
        return self._monotonic()

    def came(self, timeout: float) -> float:
        """Note a scrape whose scraper gives up after *timeout* seconds, and return when it began."""
        with self._changed:
            self._timeout = timeout
            self._began.append(self._monotonic())
            return self._began[-1]

    def served(self, began: float) -> None:
        """Note that the scrape which *began* then has been sent in full. One that took too long does not count."""
        with self._changed:
            if self._monotonic() - began < _IN_TIME * self._timeout:
                self._served.append(began)
                self._changed.notify_all()

    def seconds_without(self, since: float) -> float:
        """Return for how long nobody has scraped, at most the time after *since*."""
        with self._changed:
            return self._monotonic() - max([since, *self._began])

    def missing(self, since: float, *, is_expected: bool = False) -> int:
        """Return how many scrapes still have to read what is true from *since* on: one for each recent scraper.

        *is_expected*: if nobody has scraped yet, the first scrape is missing.
        """
        with self._changed:
            recent = [began for began in self._began if since - RECENT_SECONDS < began < since]
            expected = scrapes_in_an_interval(recent, self._timeout) or int(is_expected)
            return max(0, expected - sum(began >= since for began in self._served))

    def wait(self, since: float, timeout: float, *, is_expected: bool = False) -> bool:
        """Wait until no scrape is `missing`. Return False after *timeout* seconds, or once it is told to `hurry`."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (is_missing := self.missing(since, is_expected=is_expected) > 0) and not self._is_hurried:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, SIGNAL_SECONDS))
            return not is_missing

    def hurry(self) -> None:
        """End `wait` now. A signal handler may call it."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()


def scrapes_in_an_interval(times: Sequence[float], timeout: float) -> int:
    """Return how many scrapes come in one scrape interval, given when they began.

    That is the smallest number after which they repeat. A scraper never comes again before its own *timeout*, so that
    two that come in turn are not taken for one with half the interval. If they do not repeat, it is the largest number
    that came within *timeout* seconds.
    """
    for count in range(1, len(times) // 2 + 1):
        spans = [later - earlier for earlier, later in zip(times, times[count:], strict=False)]
        usual = statistics.median(spans)
        late = sum(abs(span - usual) > _JITTER * usual for span in spans)
        if usual >= (1 - _JITTER) * timeout and late <= _MOST_LATE * len(spans):
            return count
    return max((sum(begin <= time < begin + timeout for time in times) for begin in times), default=0)
