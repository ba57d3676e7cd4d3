"""A real Alertmanager, and alerts as Prometheus sends them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import yaml

from vae_exporter.stack import client
from vae_exporter.stack.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Alertmanager:
    """An Alertmanager at *url*."""

    url: str

    def send(self, *alerts: dict[str, Any]) -> None:
        """Send the alerts, as Prometheus does."""
        self.post("alerts", alerts)

    def silence(self, run: str, **labels: str) -> None:
        """Silence for an hour the alerts of *run* that have *labels*."""
        now = datetime.now(timezone.utc)
        self.post(
            "silences",
            {
                "matchers": [
                    {"name": name, "value": value, "isRegex": False} for name, value in {"run": run, **labels}.items()
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=1)).isoformat(),
                "createdBy": "tests",
                "comment": "stopped",
            },
        )

    def post(self, what: str, content: object) -> None:
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/api/v2/{what}", json.dumps(content).encode(), headers)
        with urlopen(request, timeout=10):
            pass


def alert(
    name: str,
    run: str | None,
    severity: str,
    *,
    over: bool = False,
    annotations: dict[str, str] | None = None,
    **labels: str,
) -> dict[str, Any]:
    """Return an alert as Prometheus sends it, with additional *labels* and *annotations*.

    It starts now. For an alert that started earlier, Alertmanager would not wait for the others of its group.
    """
    now = datetime.now(timezone.utc)
    labels |= {"alertname": name, "severity": severity} | ({"run": run} if run else {})
    times = {"startsAt": now.isoformat()}
    if over:
        times = {"startsAt": (now - timedelta(seconds=1)).isoformat(), "endsAt": now.isoformat()}
    usual = {
        "summary": f"Run {run}: {name}. Stop it.",
        "description": "NLL 0.45 at step 437: above 0.30.",
        "runbook_url": f"https://docs/{name}",
        "dashboard_url": "https://grafana/d/run?var-run=x&from=now-1h",
    }
    return {"labels": labels, "annotations": usual | (annotations or {}), **times}


def shortened(configuration: Path) -> dict[str, Any]:
    """Return the shipped *configuration* with group waits and intervals of half a second."""
    content: dict[str, Any] = yaml.safe_load(configuration.read_text())
    content["templates"] = [str(configuration.parent / path) for path in content["templates"]]
    for route in (content["route"], *content["route"]["routes"]):
        route |= {"group_wait": "500ms", "group_interval": "500ms"}
    return content


@contextmanager
def alertmanager(configuration: dict[str, Any], folder: Path) -> Iterator[Alertmanager]:
    """Run Alertmanager with its files in *folder*."""
    options = [f"--storage.path={folder / 'data'}", "--cluster.listen-address="]
    with running(client.Alertmanager, folder, configuration, options) as url:
        yield Alertmanager(url)
