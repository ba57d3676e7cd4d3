"""The notifications that the pager has received, and the open incidents."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import asdict, replace
from hashlib import sha256
from heapq import merge
from typing import TYPE_CHECKING

from vae_exporter.pager.parsing import parse_pagerduty, parse_slack, parse_webhook
from vae_exporter.pager.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from vae_exporter.pager.notification import Notification

_PAGES = ("page", "update", "resolved")
_MAX_OPEN = 1000  # incidents; the oldest are dropped

_logger = logging.getLogger("vae_exporter")


class PagerSink:
    """Accepts what Alertmanager sends to PagerDuty, Slack and webhooks. Thread-safe.

    *clock* returns Unix seconds. Each notification is appended to the file *store* as a line of JSON, which is never
    read back. *on_notification* is called with each notification, in the thread that received it. If the store or the
    callback fails, the failure is logged and the notification is kept.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        store: Path | None = None,
        on_notification: Callable[[Notification], object] = lambda _: None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._on_notification = on_notification
        self._lock = threading.Lock()
        self._pages, self._others = Recent(), Recent()  # apart, so that no flood of chat drops a page
        self._received = 0
        self._open: dict[bytes, None] = {}  # digests of the incidents, which may be long; oldest first
        self._last_heartbeat: float | None = None

    @property
    def notifications(self) -> tuple[Notification, ...]:
        """The last pages and the last other notifications, oldest first. Only the first heartbeat is among them.

        Of each, these are the last 1,000, or fewer if they take more than 16 MiB.
        """
        with self._lock:
            numbered = merge(self._pages, self._others, key=lambda kept: kept[0])
            return tuple(notification for _, notification in numbered)

    @property
    def last_heartbeat(self) -> float | None:
        """The time of the last heartbeat in Unix seconds, or None before the first."""
        with self._lock:
            return self._last_heartbeat

    def now(self) -> float:
        """Return the current time in Unix seconds."""
        return self._clock()

    def take_pagerduty(self, body: str) -> Notification:
        """Accept an event of PagerDuty's Events API v2.

        Raises:
            NotificationError: *body* is not a valid event.
        """
        return self._take(parse_pagerduty(body, self._clock()))

    def take_slack(self, body: str) -> Notification:
        """Accept a message to a Slack incoming webhook.

        Raises:
            NotificationError: *body* is not a valid message.
        """
        return self._take(parse_slack(body, self._clock()))

    def take_webhook(self, body: str) -> Notification:
        """Accept a webhook of Alertmanager.

        Raises:
            NotificationError: *body* is not a valid webhook.
        """
        return self._take(parse_webhook(body, self._clock()))

    def take_heartbeat(self, body: str) -> None:
        """Accept a webhook of Alertmanager as a heartbeat. One with the status "resolved" is ignored.

        Raises:
            NotificationError: *body* is not a valid webhook.
        """
        beat = parse_webhook(body, self._clock())
        if beat.kind == "resolved":
            return
        with self._lock:
            is_first = self._last_heartbeat is None
            self._last_heartbeat = beat.received_at
        if is_first:
            self._take(replace(beat, kind="heartbeat", incident=None))

    def _take(self, notification: Notification) -> Notification:
        with self._lock:
            notification = self._followed_up(notification)
            self._received += 1
            kept = self._pages if notification.kind in _PAGES else self._others
            kept.add(self._received, notification)
            self._write(notification)
        try:
            self._on_notification(notification)
        except Exception:
            _logger.exception("the pager could not show a notification, but has kept it")
        return notification

    def _followed_up(self, notification: Notification) -> Notification:
        incident = notification.incident
        if incident is None:
            return notification
        digest = sha256(incident.encode(errors="surrogatepass")).digest()
        if notification.kind == "resolved":
            self._open.pop(digest, None)
        elif notification.kind == "page":
            if digest in self._open:
                return replace(notification, kind="update")
            self._open[digest] = None
            if len(self._open) > _MAX_OPEN:
                del self._open[next(iter(self._open))]
        return notification

    def _write(self, notification: Notification) -> None:
        if self._store is None:
            return
        try:
            with self._store.open("ab+") as file:
                line = json.dumps(asdict(notification)).encode() + b"\n"
                file.write(line if _ends_a_line(file) else b"\n" + line)
        except OSError as error:
            _logger.warning("the pager could not write a notification to its store: %s", error)


def _ends_a_line(file: BinaryIO) -> bool:
    """Return whether *file* is empty or ends with a line break. It does not if the disk was full in between."""
    if file.seek(0, os.SEEK_END) == 0:
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"
