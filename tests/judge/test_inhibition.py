"""Test that the shipped inhibit rules are applied as Alertmanager applies them: see test_delivery.py."""

from __future__ import annotations

import pytest

from vae_exporter.judge.engine import FiringAlert
from vae_exporter.judge.inhibition import inhibit_rules, inhibitor


def firing(name: str, severity: str, run: str = "r") -> FiringAlert:
    return FiringAlert({"alertname": name, "severity": severity, "run": run}, {})


DIVERGED = firing("VaeNllDiverged", "page")


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        (firing("VaeNllSpike", "ticket"), "VaeNllDiverged"),
        (firing("VaeBandsUnfit", "ticket"), "VaeNllDiverged"),
        (firing("VaeNllSpike", "ticket", run="other"), None),
        (firing("VaeKlAbnormal", "ticket"), None),
        (DIVERGED, None),
    ],
)
def test_a_page_inhibits_the_tickets_of_its_run_that_repeat_it(ticket: FiringAlert, expected: str | None) -> None:
    assert inhibitor(ticket, [DIVERGED, ticket], inhibit_rules()) == expected
