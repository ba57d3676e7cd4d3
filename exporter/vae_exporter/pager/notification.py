"""A notification, as the pager keeps it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

from vae_exporter.errors import VaeExporterError

# page: a new incident. update: news about an open incident. resolved: the end of an incident. ticket: a webhook of
# another severity. chat: a Slack message. heartbeat: the first heartbeat.
Kind = Literal["page", "update", "resolved", "ticket", "chat", "heartbeat"]


class NotificationError(VaeExporterError, ValueError):
    """A request body is not a valid notification. The message names the invalid field and what was expected."""


@dataclass(frozen=True)
class Link:
    """A link with its label *text*."""

    text: str
    url: str


@dataclass(frozen=True)
class Notification:
    """A notification. It is safe to print: the only control characters are tabs, and line breaks in *text*.

    *received_at* is in Unix seconds. *raw* is the unmodified request body, which is not safe to print. *incident* is
    the key that a page shares with its updates and its resolution, or None if there is no incident.
    """

    kind: Kind
    run: str | None
    title: str
    text: str
    links: tuple[Link, ...]
    received_at: float
    raw: str
    incident: str | None = None

    @property
    def details(self) -> str:
        """*text* without its first line if that only repeats *title*."""
        first, _, rest = self.text.partition("\n")
        return textwrap.dedent(rest) if first.removeprefix("* ") == self.title else self.text
