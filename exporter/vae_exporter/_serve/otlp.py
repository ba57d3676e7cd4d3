"""Sends the metrics of a registry by OTLP, with the names and labels that a scrape gives them."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric as Family
    from prometheus_client.core import Sample

JOB = "vae-training"
"""The label *job*, as in the shipped scrape configuration."""

_sdk_logger = logging.getLogger(OTLPMetricExporter.__module__)

_SCOPE = InstrumentationScope("vae_exporter")


class OtlpSender:
    """Sends a registry to *endpoint*. Headers and certificates come from the standard environment variables.

    Prometheus makes the labels *job* and *instance* of the service's name and ID.
    """

    def __init__(self, endpoint: str) -> None:
        self._exporter = OTLPMetricExporter(endpoint=endpoint)
        self._start = time.time_ns()

    def __call__(self, registry: CollectorRegistry) -> None:
        """Send what a scrape of *registry* would read now.

        Raises:
            OSError: The endpoint did not accept it.
        """
        process = Resource({"service.name": JOB, "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"})
        data = metrics_data(registry, OTELResourceDetector().detect().merge(process), start=self._start)
        if self._exporter.export(data) is not MetricExportResult.SUCCESS:
            _sdk_logger.setLevel(logging.CRITICAL)  # it has logged why, and would log that again every 15 s
            raise OSError("the OTLP endpoint did not accept the metrics; the log of opentelemetry has its answer")


def metrics_data(registry: CollectorRegistry, resource: Resource, *, start: int) -> MetricsData:
    """Return what a scrape of *registry* would read now. The counters began at *start*, in Unix nanoseconds.

    No metric has a unit, because Prometheus appends units to names, and these names end in theirs already.
    """
    now = time.time_ns()
    metrics = [_metric(family, start, now) for family in registry.collect() if family.samples]
    return MetricsData([ResourceMetrics(resource, [ScopeMetrics(_SCOPE, metrics, "")], "")])


def _metric(family: Family, start: int, now: int) -> Metric:
    if family.type == "histogram":
        histograms = list(_histograms(family.samples, start, now))
        return Metric(family.name, family.documentation, "", Histogram(histograms, AggregationTemporality.CUMULATIVE))
    points = [NumberDataPoint(sample.labels, start, now, float(sample.value)) for sample in family.samples]
    data = (
        Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True) if family.type == "counter" else Gauge(points)
    )
    return Metric(family.samples[0].name, family.documentation, "", data)  # the name of a counter's sample has _total


def _histograms(samples: Sequence[Sample], start: int, now: int) -> Iterator[HistogramDataPoint]:
    """Yield a point for each set of labels. A point has counts for each bucket, and samples the sums of these."""
    series: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
    for sample in samples:
        labels = tuple(item for item in sample.labels.items() if item[0] != "le")
        series.setdefault(labels, {})[sample.labels.get("le") or sample.name.rpartition("_")[2]] = sample.value
    for labels, values in series.items():
        total, count = values.pop("sum"), values.pop("count")
        yield HistogramDataPoint(
            attributes=dict(labels),
            start_time_unix_nano=start,
            time_unix_nano=now,
            count=int(count),
            sum=total,
            bucket_counts=list(_differences(values)),
            explicit_bounds=[float(bound) for bound in values if bound != "+Inf"],
            min=float("inf"),  # unknown
            max=float("-inf"),
        )


def _differences(cumulative: Mapping[str, float]) -> Iterator[int]:
    below = 0.0
    for value in cumulative.values():
        yield int(value - below)
        below = value
