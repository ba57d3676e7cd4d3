"""Checks that the alerts of Prometheus arrive at Alertmanager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "delivery"

ALWAYS_FIRING = "Watchdog"


def check(servers: Servers) -> Iterator[Finding]:
    """Yield where Prometheus sends its alerts, and whether the one that always fires has arrived."""
    known = servers.prometheus.alertmanagers()
    figure = ", ".join(known) or "none"
    yield Finding(CHECK, "Alertmanagers of Prometheus", figure, "at least 1", passed=bool(known))
    names = {found["labels"]["alertname"] for found in servers.alertmanager.alerts()}
    arrived = ALWAYS_FIRING in names
    what = f"{ALWAYS_FIRING}, which always fires, at {servers.alertmanager.url}"
    yield Finding(CHECK, what, "arrived" if arrived else "has not arrived", "arrived", passed=arrived)
