"""Pushing a registry by OTLP: what is sent, what happens when it fails, and what a run needs no scrape for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum
from opentelemetry.sdk.resources import Resource
from otlp_receiver import otlp_receiver
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from vae_exporter import TrainingExporter
from vae_exporter._process.failures import Failures
from vae_exporter._serve.otlp import metrics_data
from vae_exporter._serve.push import otlp_push
from vae_exporter.errors import SettingsError
from vae_exporter.stack.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path


class Families(Collector):
    """Collects *families*, as the collectors of a run give them."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families


def sent(*families: Metric) -> dict[str, object]:
    registry = CollectorRegistry()
    registry.register(Families(*families))
    (resource,) = metrics_data(registry, Resource({}), start=0).resource_metrics
    (scope,) = resource.scope_metrics
    return {metric.name: metric.data for metric in scope.metrics}


def test_a_gauge_and_a_counter_keep_their_names_and_labels() -> None:
    gauge = GaugeMetricFamily("level", "", labels=["run"])
    gauge.add_metric(["r"], 1.5)
    data = sent(gauge, CounterMetricFamily("steps_total", "", value=3))
    level, steps = data["level"], data["steps_total"]
    assert isinstance(level, Gauge)
    assert [(point.attributes, point.value) for point in level.data_points] == [({"run": "r"}, 1.5)]
    assert isinstance(steps, Sum)
    assert steps.is_monotonic
    assert steps.data_points[0].value == 3


def test_a_histogram_counts_each_bucket_by_itself() -> None:
    histogram = HistogramMetricFamily("step_seconds", "", labels=["run"])
    histogram.add_metric(["r"], [("1.0", 1), ("10.0", 3), ("+Inf", 4)], 25.5)
    data = sent(histogram)["step_seconds"]
    assert isinstance(data, Histogram)
    (point,) = data.data_points
    assert point.attributes == {"run": "r"}
    assert (point.explicit_bounds, point.bucket_counts) == ([1.0, 10.0], [1, 2, 1])
    assert (point.count, point.sum) == (4, 25.5)


def test_a_receiver_that_is_gone_is_counted_and_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    failures = Failures()
    push = otlp_push(f"http://127.0.0.1:{free_port()}/v1/metrics", failures)
    assert push is not None
    push.start(CollectorRegistry())
    push.finish()
    assert failures.errors["push"] == 2  # the first push, and that of the end


def test_a_run_that_cannot_be_scraped_is_pushed(caplog: pytest.LogCaptureFixture) -> None:
    host = "192.0.2.1"  # an address for documentation: RFC 5737
    with otlp_receiver() as receiver:
        with TrainingExporter("bs4", host=host, gpus=False, otlp_endpoint=receiver.url) as exporter:
            exporter.observe(1, nll=0.5)
        assert receiver.states == ["finished"]
    ((level, message),) = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert level == "WARNING"
    assert message.startswith("run 'bs4' cannot be scraped, only pushed: cannot listen on 192.0.2.1:9645")


@pytest.mark.parametrize(("status", "ends_among_the_targets"), [("200 OK", 0), ("400 Bad Request", 1)])
def test_a_failed_run_waits_for_its_first_scrape_only_if_its_end_was_not_pushed(
    status: str, ends_among_the_targets: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with otlp_receiver(status) as receiver:
        exporter = TrainingExporter(
            "bs4", port=0, targets_dir=tmp_path, linger_seconds=0.1, gpus=False, otlp_endpoint=receiver.url
        )
        exporter.start().close("failed")
        assert receiver.states == ["failed"]
    waits = [record for record in caplog.records if "waits up to" in record.getMessage()]
    assert (len(waits), len([*tmp_path.iterdir()])) == (ends_among_the_targets, ends_among_the_targets)


@pytest.mark.parametrize("endpoint", ["prometheus:9090", 9090])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="otlp_endpoint must be the URL of an OTLP receiver"):
        TrainingExporter("r", otlp_endpoint=endpoint)


def test_an_interval_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "15s")
    with pytest.raises(SettingsError, match="OTEL_METRIC_EXPORT_INTERVAL must be a number of milliseconds"):
        TrainingExporter("r", otlp_endpoint="http://127.0.0.1:9090")
