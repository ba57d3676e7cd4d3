"""What Prometheus and Alertmanager currently report about a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.stack.client import Alertmanager, Prometheus


@dataclass(frozen=True)
class RunStatus:
    """The current judgment of a run. A field is None if the run is not judged yet.

    *nll* is the mean of the last 100 steps. *alerts* maps the name of each alert that fires in Prometheus to its state
    in Alertmanager: active, suppressed, or None if Alertmanager has not received it yet.
    """

    verdict: str | None = None
    reason: str | None = None
    nll: float | None = None
    alerts: Mapping[str, str | None] | None = None


def read_status(prometheus: Prometheus, alertmanager: Alertmanager, run: str) -> RunStatus:
    """Query both servers for the status of *run*.

    Raises:
        AnswerError: a server does not answer.
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
