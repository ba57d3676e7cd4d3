"""Silences the alerts that a dead run left behind."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from vae_exporter.stack.client import Alertmanager

HOURS = 25
"""How long a dismissal lasts. The alerts of a dead run resolve after a day: see docs/judging.md."""


class DismissalError(VaeExporterError):
    """The run has no alert to dismiss. The message lists the runs that have some."""


@dataclass(frozen=True)
class Dismissal:
    """A silence: its ID, the *alerts* that it covers now, and when it ends."""

    silence: str
    alerts: tuple[str, ...]
    end: datetime


def dismiss(alertmanager: Alertmanager, run: str, *, alert: str | None = None, why: str = "") -> Dismissal:
    """Silence all alerts of *run*, or only *alert*, for `HOURS`.

    Raises:
        AnswerError: Alertmanager does not answer.
        DismissalError: The run has no such alert.
    """
    wanted = {"run": run} | ({"alertname": alert} if alert else {})
    current = [found["labels"] for found in alertmanager.alerts()]
    covered = sorted({labels["alertname"] for labels in current if wanted.items() <= labels.items()})
    if not covered:
        raise DismissalError(_nothing(run, alert, sorted({labels["run"] for labels in current if "run" in labels})))
    start = datetime.now(timezone.utc)
    end = start + timedelta(hours=HOURS)
    comment = why or "dismissed"
    silence = alertmanager.silence(wanted, start=start, end=end, author=_author(), comment=comment)
    return Dismissal(silence, tuple(covered), end)


def _author() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container whose user has no name
        return "vae-exporter"


def _nothing(run: str, alert: str | None, runs: list[str]) -> str:
    what = f"the alert {alert}" if alert else "an alert"
    others = f"the runs with alerts are {', '.join(runs)}" if runs else "no run has an alert"
    return f"run {run!r} has not got {what} in Alertmanager, so nothing was silenced; {others}"
