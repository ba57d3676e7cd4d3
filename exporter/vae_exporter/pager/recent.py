"""The newest notifications, within a limit of memory."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.pager.notification import Notification

MAX_COUNT = 1000
MAX_BYTES = 16 << 20


class Recent:
    """The last 1,000 notifications, or fewer if they take more than 16 MiB. Iterates oldest first."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, Notification]] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[int, Notification]]:
        return iter(self._kept)

    def add(self, number: int, notification: Notification) -> None:
        """Keep *notification*, the *number*-th, and drop the oldest ones that are too many."""
        self._kept.append((number, notification))
        self._bytes += _size(notification)
        while len(self._kept) > MAX_COUNT or self._bytes > MAX_BYTES:
            self._bytes -= _size(self._kept.popleft()[1])


def _size(notification: Notification) -> int:
    texts = [notification.title, notification.text, notification.raw, notification.run, notification.incident]
    return sum(map(sys.getsizeof, texts)) + sum(sys.getsizeof(link.url + link.text) for link in notification.links)
