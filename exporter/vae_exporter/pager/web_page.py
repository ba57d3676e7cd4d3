"""The pager's web page."""

from __future__ import annotations

import html
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_exporter.pager.notification import Notification

_SHOWN = 100  # notifications; the others are under /notifications
_LATE_SECONDS = 180  # three heartbeats, which are sent every minute

# Scripts and external resources are forbidden, because the texts on this page come from the network.
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta http-equiv="refresh" content="5">
<title>Pager</title>
<style>
:root {{ --calm: #777; --page: #c62828; --good: #2e7d32; --ticket: #b26a00; --link: #0b57d0 }}
@media (prefers-color-scheme: dark) {{
  :root {{ --calm: #999; --page: #ff6b60; --good: #6fcf75; --ticket: #ffb74d; --link: #8ab4f8 }}
}}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 44rem; padding: 0 1rem }}
article {{ overflow-wrap: anywhere }}
article {{ border-left: 4px solid var(--calm); margin: 1.5rem 0; padding-left: 1rem }}
article.page, article.update {{ border-color: var(--page) }}
article.resolved {{ border-color: var(--good) }}
article.ticket {{ border-color: var(--ticket) }}
h2 {{ font-size: 1rem; margin: 0 }}
p {{ margin: .25rem 0; white-space: pre-wrap }}
a {{ color: var(--link); margin-right: 1rem }}
.small {{ color: var(--calm); font-size: .875rem }}
.late {{ color: var(--page) }}
</style>
<h1>Pager</h1>
{heartbeat}
{notifications}
</html>
"""


def web_page(notifications: tuple[Notification, ...], last_heartbeat: float | None, now: float) -> str:
    """Return the HTML of the last 100 *notifications*, newest first. Both times are in Unix seconds."""
    shown = [_article(notification) for notification in reversed(notifications[-_SHOWN:])]
    if len(notifications) > len(shown):
        shown.append('<p>Older ones: <a href="/notifications">/notifications</a></p>')
    return _PAGE.format(
        heartbeat=_heartbeat(last_heartbeat, now),
        notifications="\n".join(shown) or "<p>No notifications yet.</p>",
    )


def _heartbeat(last: float | None, now: float) -> str:
    if last is None:
        return '<p class="small">No heartbeat yet: Prometheus and Alertmanager have not reached this pager.</p>'
    age = max(0, round(now - last))
    if age <= _LATE_SECONDS:
        return f'<p class="small">Last heartbeat {age} s ago: Prometheus stores samples, and Alertmanager works.</p>'
    return (
        f'<p class="late">Last heartbeat {age // 60} min ago, expected every minute: '
        "Prometheus stores no samples, or Prometheus or Alertmanager is down or cannot reach this pager.</p>"
    )


def _article(notification: Notification) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(notification.received_at))
    links = "".join(
        f'<a href="{html.escape(link.url)}" rel="noopener noreferrer">{html.escape(link.text)}</a>'
        for link in notification.links
        if link.url.startswith(("http://", "https://"))  # javascript: would run here
    )
    return (
        f'<article class="{notification.kind}">\n'
        f'<p class="small">{notification.kind.upper()} &middot; <time>{when}</time></p>\n'
        f"<h2>{html.escape(notification.title)}</h2>\n"
        f"<p>{html.escape(notification.details)}</p>\n"
        f"<p>{links}</p>\n"
        "</article>"
    )
