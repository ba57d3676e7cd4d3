"""Dismissals in a real Alertmanager."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from alerting import alert
from alerting import alertmanager as alertmanager_to_notify

from vae_exporter.runs.dismissal import DismissalError, dismiss
from vae_exporter.stack.client import Alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    """An Alertmanager with two alerts of the run "dead", and one of another run."""
    with alertmanager_to_notify({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}, tmp_path) as notified:
        notified.send(
            alert("VaeExporterDown", "dead", "page"),
            alert("VaeGpuFailing", "dead", "page", gpu="GPU-1"),
            alert("VaeExporterDown", "other", "page"),
        )
        yield Alertmanager(notified.url)


def silenced(server: Alertmanager) -> set[tuple[str, str]]:
    return {
        (found["labels"]["run"], found["labels"]["alertname"])
        for found in server.alerts()
        if found["status"]["silencedBy"]
    }


def test_a_dismissal_silences_all_alerts_of_the_run_and_no_others(server: Alertmanager) -> None:
    done = dismiss(server, "dead", why="stopped")
    assert done.alerts == ("VaeExporterDown", "VaeGpuFailing")
    assert silenced(server) == {("dead", "VaeExporterDown"), ("dead", "VaeGpuFailing")}


def test_a_dismissal_of_one_alert_leaves_the_others(server: Alertmanager) -> None:
    assert dismiss(server, "dead", alert="VaeGpuFailing").alerts == ("VaeGpuFailing",)
    assert silenced(server) == {("dead", "VaeGpuFailing")}


def test_a_run_without_alerts_is_an_error_that_lists_those_with_some(server: Alertmanager) -> None:
    with pytest.raises(DismissalError, match=r"run 'daed' has not got an alert .* with alerts are dead, other"):
        dismiss(server, "daed")
    assert silenced(server) == set()


def test_a_user_without_a_name_can_dismiss(server: Alertmanager, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number of its own."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_007)
    assert dismiss(server, "dead").alerts == ("VaeExporterDown", "VaeGpuFailing")
