"""Parse what Alertmanager sends: PagerDuty events, Slack messages and webhooks.

Each function takes the request body and the time of the request in Unix seconds. It raises NotificationError if the
body is invalid.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from vae_exporter.pager.notification import Link, Notification, NotificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vae_exporter.pager.notification import Kind

_T = TypeVar("_T")

_EVENT_ACTIONS: dict[str, Kind] = {"trigger": "page", "resolve": "resolved"}
_SLACK_LINK = re.compile(r"<(https?://[^<>|]+)\|([^<>]+)>\n?")
_JSON_NAMES: dict[type, str] = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
# Terminal escape sequences and other control characters, bidirectional marks, and surrogates.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def parse_pagerduty(body: str, received_at: float) -> Notification:
    """Parse an event of PagerDuty's Events API v2.

    A trigger becomes a page, because the event does not say whether its incident is already open.
    https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
    """
    event = _event(body)
    action = _text(event, "event_action")
    if action not in _EVENT_ACTIONS:
        raise NotificationError(f"event_action must be {' or '.join(_EVENT_ACTIONS)}, got {action!r}")
    incident = _text(event, "dedup_key")
    if action == "resolve" and not incident:
        raise NotificationError("dedup_key is missing: it must name the incident to resolve")
    payload = _object(event, "payload")
    title = _line(_text(payload, "summary", of="payload"))
    if not title:
        raise NotificationError("payload.summary is missing: it must be the title")
    # Newer Alertmanagers can send nested details, though not with the shipped configuration. Only `raw` keeps these.
    details = _object(payload, "custom_details", of="payload")
    texts = [details[key] for key in ("firing", "resolved") if isinstance(details.get(key), str)]
    return Notification(
        kind=_EVENT_ACTIONS[action],
        run=_line(_text(payload, "group", of="payload")) or None,
        title=title,
        text=_printable("\n".join(filter(None, texts))),
        links=_links(
            (_text(link, "text", of="links"), _text(link, "href", of="links")) for link in _list(event, "links")
        ),
        received_at=received_at,
        raw=body,
        incident=incident or uuid4().hex,  # PagerDuty also generates a missing key
    )


def parse_slack(body: str, received_at: float) -> Notification:
    """Parse a message to a Slack incoming webhook: its first attachment, or else its text.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    message = _event(body)
    attachment = next(iter(_list(message, "attachments")), {})
    marked_up = _text(attachment, "text", of="attachments") or _text(message, "text")
    text = _slack_words(_SLACK_LINK.sub("", marked_up)).strip()
    title = _line(_slack_words(_text(attachment, "title", of="attachments")) or text.partition("\n")[0])
    if not title:
        raise NotificationError("the message must have an attachment with a title or a text, or a text, got neither")
    return Notification(
        kind="chat",
        run=_line(_slack_words(_text(attachment, "footer", of="attachments"))) or None,
        title=title,
        text=text,
        links=_links((_slack_words(label), _slack_words(url)) for url, label in _SLACK_LINK.findall(marked_up)),
        received_at=received_at,
        raw=body,
    )


def parse_webhook(body: str, received_at: float) -> Notification:
    """Parse a webhook of Alertmanager, version 4. No template applies to it: its text comes from the annotations.

    https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
    """
    event = _event(body)
    status = _text(event, "status")
    if status not in {"firing", "resolved"}:
        raise NotificationError(f"status must be firing or resolved, got {status!r}")
    notes = [_object(alert, "annotations", of="alerts") for alert in _list(event, "alerts")]
    if not notes:
        raise NotificationError("alerts must have at least one alert, got none")
    labels = _object(event, "commonLabels")
    firing: Kind = "page" if labels.get("severity") == "page" else "ticket"
    texts = [_text(note, key, of="annotations") for note in notes for key in ("summary", "description")]
    urls = {name: _text(notes[0], f"{name}_url", of="annotations") for name in ("runbook", "dashboard", "outputs")}
    return Notification(
        kind=firing if status == "firing" else "resolved",
        run=_line(_text(labels, "run", of="commonLabels")) or None,
        title=_line(texts[0] or _text(labels, "alertname", of="commonLabels")) or "Alert",
        text="\n".join(filter(None, texts)),
        links=_links((name.capitalize(), url) for name, url in urls.items()),
        received_at=received_at,
        raw=body,
        incident=_text(event, "groupKey") or None,
    )


def _event(body: str) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotificationError(f"the body is not JSON: {error}") from error
    return _object({"the body": event}, "the body")


def _object(parent: dict[str, Any], key: str, *, of: str = "") -> dict[str, Any]:
    return _typed(parent.get(key), dict, {}, of, key)


def _list(parent: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [_typed(item, dict, {}, key, "item") for item in _typed(parent.get(key), list, [], "", key)]


def _text(parent: dict[str, Any], key: str, *, of: str = "") -> str:
    return _printable(_typed(parent.get(key), str, "", of, key))


def _typed(value: object, kind: type[_T], empty: _T, of: str, key: str) -> _T:
    if value is None:
        return empty
    if not isinstance(value, kind):
        found, expected = _JSON_NAMES.get(type(value), "a number"), _JSON_NAMES[kind]
        raise NotificationError(f"{of}.{key} must be {expected}, got {found}".removeprefix("."))
    return value


def _links(pairs: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    return tuple(Link(_line(text) or "Link", _line(url)) for text, url in pairs if _line(url))


def _line(text: str) -> str:
    return " ".join(text.split())


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def _slack_words(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
