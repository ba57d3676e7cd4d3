"""What the pager was told."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

from vae_exporter.errors import VaeExporterError

# page: a new incident. update: more about an open one. resolved: its end. ticket: a webhook that pages nobody.
# chat: a Slack message. heartbeat: the first sign of life.
Kind = Literal["page", "update", "resolved", "ticket", "chat", "heartbeat"]


class NotificationError(VaeExporterError, ValueError):
    """A body that is no notification. The message names the part that is wrong and what was expected."""


@dataclass(frozen=True)
class Link:
    """An address to open: *text* is what to call it."""

    text: str
    url: str


@dataclass(frozen=True)
class Notification:
    """One notification, safe to print: no control character is left in it but line breaks in *text*, and tabs.

    *received_at* is in Unix seconds. *raw* is the body as it was sent. *incident* is the key that a page, its updates
    and its end have in common, None for what belongs to no incident.
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
        """*text*, without its first line where that only repeats *title*."""
        first, _, rest = self.text.partition("\n")
        return textwrap.dedent(rest) if first.removeprefix("* ") == self.title else self.text
