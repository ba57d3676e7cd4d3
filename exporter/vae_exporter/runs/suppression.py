"""Reads which alerts Alertmanager holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Alertmanager


def suppressions(alertmanager: Alertmanager) -> Mapping[str, Mapping[str, str]]:
    """Return for each run the alerts that notify nobody, by name: ``"silenced"`` or ``"inhibited"``.

    An alert that fires for several ranks or GPUs is among them if it notifies for none.

    Raises:
        AnswerError: Alertmanager does not answer.
    """
    found: dict[str, dict[str, str]] = {}
    notifies = set()
    for alert in alertmanager.alerts():
        run, name, status = alert["labels"].get("run", ""), alert["labels"]["alertname"], alert["status"]
        if status["silencedBy"] or status["inhibitedBy"]:
            found.setdefault(run, {})[name] = "silenced" if status["silencedBy"] else "inhibited"
        else:
            notifies.add((run, name))
    return {
        run: {name: why for name, why in alerts.items() if (run, name) not in notifies} for run, alerts in found.items()
    }
