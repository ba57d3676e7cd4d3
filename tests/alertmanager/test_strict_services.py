"""The stand-ins for PagerDuty and Slack reject what the real services reject."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from strict_services import StrictServices

EVENT: dict[str, Any] = {
    "routing_key": "0" * 32,
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "Stop it.", "source": "vae-exporter", "severity": "critical", "custom_details": {}},
    "links": [{"href": "https://docs/r", "text": "Runbook"}],
}
MESSAGE: dict[str, Any] = {
    "attachments": [
        {"title": "Stop it.", "fallback": "Stop it.", "text": "a &lt; b\n<https://docs/r|Runbook>", "color": "danger"}
    ]
}


def changed(content: dict[str, Any], path: list[str | int], value: object) -> bytes:
    content = deepcopy(content)
    part: Any = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(content).encode()


def test_they_accept_valid_requests() -> None:
    services = StrictServices()

    assert services.take("/v2/enqueue", json.dumps(EVENT).encode())[0] == "202 Accepted"
    assert services.take("/services/T0/B0/secret", json.dumps(MESSAGE).encode()) == ("200 OK", "ok")
    assert (services.events, services.messages, services.complaints) == ([EVENT], [MESSAGE], [])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["routing_key"], "short"),
        (["event_action"], "ring"),
        (["dedup_key"], "k" * 256),
        (["payload"], {}),
        (["payload", "summary"], "s" * 1025),
        (["payload", "severity"], "page"),
        (["payload", "custom_details"], "text"),
        (["payload", "custom_details"], {"firing": "x" * 512_000}),
        (["payload", "run"], "bs4"),
        (["links", 0], {"text": "Runbook"}),
        (["links", 0, "href"], ""),
        (["links", 0, "href"], "https://grafana/d?var-run={{ .Status }}"),
    ],
)
def test_pagerduty_rejects_an_event(path: list[str | int], value: object) -> None:
    services = StrictServices()

    assert services.take("/v2/enqueue", changed(EVENT, path, value))[0] == "400 Bad Request"
    assert services.complaints
    assert not services.events


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["attachments"], []),
        (["attachments", 0, "title"], "t" * 1025),
        (["attachments", 0, "title"], "<!channel>"),
        (["attachments", 0, "text"], "<@U1>"),
        (["attachments", 0, "footer"], "f" * 301),
        (["attachments", 0, "color"], "red"),
        (["attachments", 0, "run"], "bs4"),
    ],
)
def test_slack_rejects_a_message(path: list[str | int], value: object) -> None:
    services = StrictServices()

    assert services.take("/services/T0/B0/secret", changed(MESSAGE, path, value))[0] == "400 Bad Request"
    assert services.complaints
    assert not services.messages
