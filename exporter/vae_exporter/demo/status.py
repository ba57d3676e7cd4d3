"""What Prometheus and Alertmanager say about a run at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Alertmanager, Prometheus


@dataclass(frozen=True)
class RunStatus:
    """A run as it is judged now. None: not judged yet.

    *nll* is the mean over the last 100 steps. *alerts* are those that fire according to Prometheus, by name, with their
    state in Alertmanager: active, suppressed, or None if it has not received them yet.
    """

    verdict: str | None = None
    reason: str | None = None
    nll: float | None = None
    alerts: Mapping[str, str | None] | None = None


def read_status(prometheus: Prometheus, alertmanager: Alertmanager, run: str) -> RunStatus:
    """Ask both servers about *run*.

    Raises:
        AnswerError: one of them does not answer.
    """
    name = promql_string(run)
    verdicts = prometheus.query(f"run:vae_verdict{{run={name}}}")
    nll = prometheus.value(f"run:vae_nll:mean{{run={name}}}")
    firing = prometheus.label_values(f'ALERTS{{run={name},alertstate="firing"}}', "alertname")
    known = {
        alert["labels"]["alertname"]: alert["status"]["state"]
        for alert in alertmanager.alerts()
        if alert["labels"].get("run") == run
    }
    labels = verdicts[0].labels if verdicts else {}
    return RunStatus(
        verdict=labels.get("verdict"),
        reason=labels.get("reason"),
        nll=nll,
        alerts={alert: known.get(alert) for alert in firing},
    )
