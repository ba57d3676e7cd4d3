"""The texts of alerts fit a phone: those that the unit tests of the rules expect."""

from __future__ import annotations

from typing import Any

import pytest
from shipped_rules import UNIT_TESTS

LONGEST_TITLE = 130
"""Characters, with an ordinary name. An SMS from PagerDuty has 160, including its own words."""

LONGEST_TEXT = 700
"""Characters. Slack collapses longer texts: https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments"""

ORDINARY_NAME = "bs4-kl1e-4-20261123"

EXPECTED = {
    (case["alertname"], alert["exp_labels"].get("run", ""), *sorted(alert["exp_annotations"].items()))
    for test in UNIT_TESTS
    for case in test.get("alert_rule_test", [])
    for alert in case["exp_alerts"] or []
    if "exp_annotations" in alert
}

of_each_alert = pytest.mark.parametrize("name", sorted({name for name, *_ in EXPECTED}))


def expected(name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(run, dict(annotations)) for alert, run, *annotations in EXPECTED if alert == name]


@of_each_alert
def test_the_title_fits(name: str) -> None:
    titles = [notes["summary"].replace(f"Run {run}", f"Run {ORDINARY_NAME}", 1) for run, notes in expected(name)]

    assert [title for title in titles if len(title) > LONGEST_TITLE] == []


@of_each_alert
def test_the_title_says_which_run_and_then_what_to_do(name: str) -> None:
    for run, notes in expected(name):
        assert notes["summary"].startswith(f"Run {run}" if run else "Prometheus ")
        assert len(notes["summary"].removeprefix(f"Run {run}").split(". ")) > 1


@of_each_alert
def test_the_text_fits(name: str) -> None:
    assert [notes["description"] for _, notes in expected(name) if len(notes["description"]) > LONGEST_TEXT] == []
