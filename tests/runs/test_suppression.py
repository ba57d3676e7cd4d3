"""What a real Alertmanager holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alerting import alert
from alerting import alertmanager as alertmanager_to_notify
from deadline import wait_until

from vae_exporter.runs.suppression import suppressions
from vae_exporter.stack.client import Alertmanager

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = {
    "route": {"receiver": "none"},
    "receivers": [{"name": "none"}],
    "inhibit_rules": [
        {
            "source_matchers": ['alertname="VaeNllDiverged"'],
            "target_matchers": ['alertname="VaeNllSpike"'],
            "equal": ["run"],
        }
    ],
}


def test_silenced_and_inhibited_alerts_are_told_apart(tmp_path: Path) -> None:
    with alertmanager_to_notify(CONFIGURATION, tmp_path) as server:
        server.silence("dead")
        server.send(
            alert("VaeExporterDown", "dead", "page"),
            alert("VaeNllDiverged", "bad", "page"),
            alert("VaeNllSpike", "bad", "ticket"),
            alert("Watchdog", None, "none"),
        )
        expected = {"dead": {"VaeExporterDown": "silenced"}, "bad": {"VaeNllSpike": "inhibited"}}
        wait_until(lambda: suppressions(Alertmanager(server.url)) == expected, "both are held back")


def test_an_alert_that_notifies_for_another_rank_is_not_suppressed(tmp_path: Path) -> None:
    with alertmanager_to_notify(CONFIGURATION, tmp_path) as server:
        server.silence("bad", rank="0")
        server.send(*(alert(name, "bad", "page", rank="0") for name in ("VaeExporterDown", "VaeTrainingStalled")))
        server.send(alert("VaeExporterDown", "bad", "page", rank="1"))
        expected = {"bad": {"VaeTrainingStalled": "silenced"}}
        wait_until(lambda: suppressions(Alertmanager(server.url)) == expected, "one is held back")
