"""Who has scraped a run, and when."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RECENT_SECONDS = 300.0
"""A scraper that came within this time is expected to come again."""

SIGNAL_SECONDS = 0.5
"""The longest wait in one piece: a signal that comes just before a wait is handled only after it."""


class Scrapers:
    """Who has scraped, and when: so that the end of a run is not lost between two scrapes."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._came: dict[str, float] = {}  # when the last scrape began, by scraper
        self._served: dict[str, float] = {}  # when the last one that was sent in full began

    def now(self) -> float:
        """Return the time on the clock of this object."""
        return self._monotonic()

    def came(self, scraper: str) -> float:
        """Note that *scraper* asks now, and return the time. Who was not seen for long is forgotten."""
        with self._changed:
            began = self._monotonic()
            self._came = {name: when for name, when in self._came.items() if when > began - RECENT_SECONDS}
            self._served = {name: when for name, when in self._served.items() if name in self._came}
            self._came[scraper] = began
            return began

    def served(self, scraper: str, began: float) -> None:
        """Note that the scrape which *began* then has been sent in full."""
        with self._changed:
            self._served[scraper] = began
            self._changed.notify_all()

    def wait(self, since: float, timeout: float, *, is_expected: bool = False) -> bool:
        """Wait until every recent scraper has come again after *since*. Return False after *timeout* seconds.

        *is_expected*: where none has come yet, wait for the first.
        """

        def all_came() -> bool:
            recent = [name for name, when in self._came.items() if when > since - RECENT_SECONDS]
            if is_expected and not self._came:
                return False
            return all(self._served.get(name, -math.inf) >= since for name in recent)

        deadline = time.monotonic() + timeout
        with self._changed:
            while not (has_come := all_came()) and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, SIGNAL_SECONDS))
            return has_come
