"""The metrics of the run before, at the positions of this run's newest long window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield what the run before had here and at its end; nothing without a baseline."""
    baseline = facts.baseline
    if baseline is None:
        return
    yield GaugeMetricFamily(
        "vae_baseline_loss_window_mean",
        "The mean of the run before, at the positions of the newest long window of the judged NLL.",
        value=baseline.mean,
    )
    growth = GaugeMetricFamily(
        "vae_baseline_growth_ratio",
        "The median of the short means of the run before over this window (here) and over its last one (end), relative "
        "to the level that it had held by then.",
        labels=["at"],
    )
    growth.add_metric(["here"], baseline.growth)
    growth.add_metric(["end"], baseline.end_growth)
    yield growth
