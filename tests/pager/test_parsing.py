"""Test the parsing of PagerDuty events, Slack messages and webhooks."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter.pager import Link, Notification, NotificationError
from vae_exporter.pager.parsing import parse_pagerduty, parse_slack, parse_webhook

if TYPE_CHECKING:
    from collections.abc import Callable


def pagerduty(**changes: Any) -> str:  # noqa: ANN401 - JSON
    event = {
        "routing_key": "k",
        "event_action": "trigger",
        "dedup_key": "incident-1",
        "payload": {
            "summary": "Run bs4 has diverged. Stop it.",
            "group": "bs4",
            "custom_details": {
                "firing": "* Run bs4 has diverged. Stop it.\n  NLL 0.45",
                "resolved": None,
                "num_firing": 1,
            },
        },
        "links": [{"text": "Runbook", "href": "https://docs/r"}],
    }
    return json.dumps(event | changes)


def slack(**attachment: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps({"attachments": [{"title": "Ticket: bs4", "text": "Words", "footer": "bs4"} | attachment]})


def webhook(**changes: Any) -> str:  # noqa: ANN401 - JSON
    event = {
        "version": "4",
        "groupKey": "{}:{run=bs4}",
        "status": "firing",
        "commonLabels": {"alertname": "VaeNllDiverged", "run": "bs4", "severity": "page"},
        "alerts": [
            {"annotations": {"summary": "Stop bs4.", "description": "NLL 0.45", "runbook_url": "https://docs/r"}}
        ],
    }
    return json.dumps(event | changes)


def test_pagerduty_trigger() -> None:
    body = pagerduty()

    assert parse_pagerduty(body, 12.5) == Notification(
        kind="page",
        run="bs4",
        title="Run bs4 has diverged. Stop it.",
        text="* Run bs4 has diverged. Stop it.\n  NLL 0.45",
        links=(Link("Runbook", "https://docs/r"),),
        received_at=12.5,
        raw=body,
        incident="incident-1",
    )


def test_pagerduty_resolve() -> None:
    end = parse_pagerduty(pagerduty(event_action="resolve"), 0)

    assert (end.kind, end.incident) == ("resolved", "incident-1")


def test_pagerduty_events_without_a_key_get_a_unique_one() -> None:
    first, second = (parse_pagerduty(pagerduty(dedup_key=None), 0).incident for _ in range(2))

    assert first
    assert second
    assert first != second


def test_nested_pagerduty_details_are_only_in_raw() -> None:
    page = parse_pagerduty(pagerduty(payload={"summary": "Title", "custom_details": {"firing": [{"a": 1}]}}), 0)

    assert (page.title, page.text) == ("Title", "")


def test_details_do_not_repeat_the_title() -> None:
    assert parse_pagerduty(pagerduty(), 0).details == "NLL 0.45"


def test_slack_message() -> None:
    body = slack(
        text="NLL &lt; 0.05 &amp;amp; falling\n<https://docs/r?a=1&amp;b=2|Runbook>\n<https://g/d|Dashboard>\n"
    )

    assert parse_slack(body, 12.5) == Notification(
        kind="chat",
        run="bs4",
        title="Ticket: bs4",
        text="NLL < 0.05 &amp; falling",
        links=(Link("Runbook", "https://docs/r?a=1&b=2"), Link("Dashboard", "https://g/d")),
        received_at=12.5,
        raw=body,
    )


def test_slack_message_without_an_attachment() -> None:
    message = parse_slack('{"text": "First line\\nsecond"}', 0)

    assert (message.title, message.text, message.details) == ("First line", "First line\nsecond", "second")


def test_webhook() -> None:
    body = webhook()

    assert parse_webhook(body, 12.5) == Notification(
        kind="page",
        run="bs4",
        title="Stop bs4.",
        text="Stop bs4.\nNLL 0.45",
        links=(Link("Runbook", "https://docs/r"),),
        received_at=12.5,
        raw=body,
        incident="{}:{run=bs4}",
    )


def test_webhook_of_another_severity_is_a_ticket() -> None:
    assert parse_webhook(webhook(commonLabels={"severity": "ticket"}), 0).kind == "ticket"


def test_webhook_resolved() -> None:
    assert parse_webhook(webhook(status="resolved"), 0).kind == "resolved"


def test_unsafe_characters_are_replaced() -> None:
    page = parse_pagerduty(pagerduty(payload={"summary": "a\x1b[31m\ud800\u202e\x07b\nc", "group": "x\x00"}), 0)

    assert page.title == "a\ufffd[31m\ufffd\ufffd\ufffdb c"
    assert page.run == "x\ufffd"


@pytest.mark.parametrize(
    ("parse", "body", "complaint"),
    [
        (parse_pagerduty, "", "the body is not JSON: Expecting value"),
        (parse_pagerduty, "[" * 100_000, "the body is not JSON: "),
        (parse_pagerduty, "[]", "the body must be an object, got an array"),
        (parse_pagerduty, pagerduty(event_action="ring"), "event_action must be trigger or resolve, got 'ring'"),
        (parse_pagerduty, pagerduty(event_action=3), "event_action must be a string, got a number"),
        (parse_pagerduty, pagerduty(event_action="resolve", dedup_key=""), "dedup_key is missing"),
        (parse_pagerduty, pagerduty(payload=None), "payload.summary is missing"),
        (parse_pagerduty, pagerduty(payload="text"), "payload must be an object, got a string"),
        (parse_pagerduty, pagerduty(payload={"summary": True}), "payload.summary must be a string, got a boolean"),
        (parse_pagerduty, pagerduty(links={}), "links must be an array, got an object"),
        (parse_pagerduty, pagerduty(links=["https://x"]), "links.item must be an object, got a string"),
        (parse_slack, "{}", "the message must have an attachment with a title or a text, or a text, got neither"),
        (parse_slack, slack(title=[]), "attachments.title must be a string, got an array"),
        (parse_webhook, webhook(status="burning"), "status must be firing or resolved, got 'burning'"),
        (parse_webhook, webhook(alerts=[]), "alerts must have at least one alert, got none"),
    ],
)
def test_the_error_for_an_invalid_body_says_what_is_wrong(
    parse: Callable[[str, float], Notification], body: str, complaint: str
) -> None:
    with pytest.raises(NotificationError) as raised:
        parse(body, 0)

    assert str(raised.value).startswith(complaint)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "payload",
                    "summary",
                    "links",
                    "href",
                    "attachments",
                    "text",
                    "title",
                    "status",
                    "alerts",
                    "annotations",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@pytest.mark.parametrize("parse", [parse_pagerduty, parse_slack, parse_webhook])
@given(event=json_values, action=st.sampled_from(["trigger", "resolve", "firing"]))
def test_any_json_is_parsed_or_rejected(
    parse: Callable[[str, float], Notification], event: object, action: str
) -> None:
    sent = event | {"event_action": action, "status": action} if isinstance(event, dict) else event
    with suppress(NotificationError):
        notification = parse(json.dumps(sent), 0)
        assert notification.title
        notification.text.encode()
