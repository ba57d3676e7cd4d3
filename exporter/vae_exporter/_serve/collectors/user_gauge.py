"""The metric of the gauges that a trainer reports with `TrainingExporter.gauge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the last value of each gauge."""
    family = GaugeMetricFamily(
        "vae_user_value",
        "The last value that the trainer reported under this name. Not judged.",
        labels=["name"],
    )
    for name, value in facts.user_gauges.items():
        family.add_metric([name], value)
    yield family
