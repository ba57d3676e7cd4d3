"""What a running Prometheus answers."""

from __future__ import annotations

from urllib.parse import urlencode

from vae_exporter.stack.servers import get_json


def query(prometheus_url: str, expression: str) -> list[tuple[dict[str, str], float]]:
    """Return the labels and the value of each series that *expression* gives now."""
    answer = get_json(f"{prometheus_url}/api/v1/query?{urlencode({'query': expression})}")
    return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]


def label_values(prometheus_url: str, expression: str, label: str) -> list[str]:
    """Return *label* of each series that *expression* gives now, sorted."""
    return sorted(labels.get(label, "") for labels, _ in query(prometheus_url, expression))
