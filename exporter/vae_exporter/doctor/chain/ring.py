"""Sends a test page through Alertmanager."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "test page"

NAME = "VaeTestPage"
RUN = "vae-exporter-doctor"

MINUTES = 5
"""How long the test page fires."""

_DEADLINE_SECONDS = 10.0


def check(servers: Servers) -> Iterator[Finding]:
    """Send the page, and yield the receivers to which Alertmanager routes it."""
    now = datetime.now(timezone.utc)
    servers.alertmanager.send(
        {
            "labels": {"alertname": NAME, "severity": "page", "run": RUN},
            "annotations": {
                "summary": "This is a test page of vae-exporter doctor.",
                "description": f"It resolves in {MINUTES} minutes. Nothing is wrong.",
            },
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(minutes=MINUTES)).isoformat(),
        }
    )
    receivers = _receivers(servers)
    figure = f"routed to {', '.join(receivers)}" if receivers else "Alertmanager does not list it"
    expected = "a receiver; check that the page arrives there within a minute"
    yield Finding(CHECK, f"{NAME} of run {RUN}", figure, expected, passed=bool(receivers))


def _receivers(servers: Servers) -> list[str]:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        for found in servers.alertmanager.alerts():
            if found["labels"].get("alertname") == NAME:
                return [receiver["name"] for receiver in found["receivers"]]
        time.sleep(0.1)
    return []
