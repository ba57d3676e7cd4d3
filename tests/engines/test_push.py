"""A run that is pushed by OTLP gets the series that a scrape of it gets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from pushed_series import series_of
from victoriametrics import Server, agent, shipped

from vae_exporter import TrainingExporter
from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECEIVER = "opentelemetry/v1/metrics"
PUSH_MILLISECONDS = "1000"
DEADLINE_SECONDS = 120.0

pytestmark = pytest.mark.timeout(4 * DEADLINE_SECONDS)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", PUSH_MILLISECONDS)
    with shipped("victoria-metrics", tmp_path / "store", {"/storage": f"{tmp_path}/data", "=15s": "=1ms"}) as server:
        yield server


def test_a_push_has_the_series_of_a_scrape(store: Server, tmp_path: Path) -> None:
    exporter = TrainingExporter(
        "r", rank=0, port=0, linger_seconds=0, gpus=False, otlp_endpoint=f"{store.url}/{RECEIVER}"
    )
    with exporter, agent("a", [str(exporter.url).removeprefix("http://")], tmp_path / "agent", store):
        for step in range(200):
            exporter.observe(step, nll=0.15, rec=0.01, perception=0.05)
        series = partial(series_of, Prometheus(store.url))
        scraped, pushed = 'run="r",job="vae-training"', 'run="r",service_name="vae-training"'
        wait_until(lambda: len(series(scraped)) > 100, "a scrape", seconds=DEADLINE_SECONDS)
        wait_until(lambda: series(pushed) == series(scraped), "the same series", seconds=DEADLINE_SECONDS)
