"""Render notifications for a terminal. The only part of the pager that needs rich."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vae_exporter.pager.notification import Kind, Notification

_COLORS: dict[Kind, str] = {
    "page": "bold red",
    "update": "red",
    "resolved": "green",
    "ticket": "yellow",
    "chat": "cyan",
    "heartbeat": "dim",
}


def render(notification: Notification) -> RenderableType:
    """Render *notification* for a rich console. Its text is never interpreted as rich markup."""
    color = _COLORS[notification.kind]
    heading = Text(f"{notification.kind.upper()} {time.strftime('%H:%M:%S', time.localtime(notification.received_at))}")
    if notification.kind == "heartbeat":
        return Text(f"{heading}  {notification.title}", style=color)
    words = Text(notification.title, style="bold", overflow="fold")
    for part in (notification.details, "\n".join(f"{link.text}: {link.url}" for link in notification.links)):
        if part:
            words.append(f"\n\n{part}", style="not bold")
    return Panel(words, title=heading, title_align="left", border_style=color, expand=False, padding=(0, 1))
