"""What Prometheus and Alertmanager say of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from vae_exporter.stack.servers import get_json

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Judgement:
    """A run as it is judged at one moment. None: not judged yet.

    *nll* is the mean over the last 100 steps. *alerts* are those that Prometheus says fire, by name, with the state
    that Alertmanager gives them: active, suppressed, or None where it has not heard of them yet.
    """

    verdict: str | None = None
    reason: str | None = None
    nll: float | None = None
    alerts: Mapping[str, str | None] | None = None


def read_judgement(prometheus_url: str, alertmanager_url: str, run: str) -> Judgement:
    """Ask both servers about *run*.

    Raises:
        OSError: one of them does not answer.
    """
    verdicts = _query(prometheus_url, f'run:vae_verdict{{run="{run}"}}')
    nll = _query(prometheus_url, f'run:vae_nll:mean{{run="{run}"}}')
    firing = _query(prometheus_url, f'ALERTS{{run="{run}",alertstate="firing"}}')
    known = {
        alert["labels"]["alertname"]: alert["status"]["state"]
        for alert in get_json(f"{alertmanager_url}/api/v2/alerts")
        if alert["labels"].get("run") == run
    }
    labels = verdicts[0]["metric"] if verdicts else {}
    return Judgement(
        verdict=labels.get("verdict"),
        reason=labels.get("reason"),
        nll=float(nll[0]["value"][1]) if nll else None,
        alerts={name: known.get(name) for name in sorted(result["metric"]["alertname"] for result in firing)},
    )


def _query(prometheus_url: str, query: str) -> list[dict[str, Any]]:
    answer = get_json(f"{prometheus_url}/api/v1/query?{urlencode({'query': query})}")
    return list(answer["data"]["result"])
