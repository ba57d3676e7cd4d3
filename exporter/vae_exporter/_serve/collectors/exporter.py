"""The metrics of the exporter itself."""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from vae_exporter._version import __version__
from vae_exporter.vocabulary import METRICS_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the version, the clock, and the counts of errors and dropped values."""
    build = GaugeMetricFamily(
        "vae_exporter_build_info", "The versions of the exporter and of Python.", labels=["version", "python"]
    )
    build.add_metric([__version__, platform.python_version()], 1)
    metrics_version = GaugeMetricFamily(
        "vae_exporter_metrics_version",
        "The version of the metrics that this exporter publishes. The rules are made for one.",
        value=METRICS_VERSION,
    )
    clock = GaugeMetricFamily(
        "vae_exporter_clock_timestamp_seconds",
        "Unix time of this process at this scrape. The rules correct its timestamps by it.",
        value=time.time(),
    )
    errors = CounterMetricFamily(
        "vae_exporter_errors_total",
        "Unexpected errors inside the exporter, by the place where they were caught.",
        labels=["reason"],
    )
    for reason, count in facts.errors.items():
        errors.add_metric([reason], count)
    dropped = CounterMetricFamily(
        "vae_exporter_dropped_observations_total", "Observed values that were dropped, by reason.", labels=["reason"]
    )
    for reason, count in facts.dropped.items():
        dropped.add_metric([reason], count)
    yield from (build, metrics_version, clock, errors, dropped)
