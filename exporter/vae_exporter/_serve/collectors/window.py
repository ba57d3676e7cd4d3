"""The metrics that the rules judge: means of the losses over windows of steps, at several lags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from vae_exporter._record.windows import WINDOW_LAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the means of complete windows, and the lowest ones."""
    means = GaugeMetricFamily(
        "vae_loss_window_mean",
        "Mean of the finite losses over the steps (s - lag - window, s - lag], where s is the newest step.",
        labels=["component", "window", "lag"],
    )
    best = GaugeMetricFamily(
        "vae_loss_best_window_mean",
        "The lowest mean over a window of steps so far, excluding the newest window.",
        labels=["component", "window"],
    )
    for component, loss in facts.losses.items():
        if loss.windows is None:
            continue
        for width, lags in WINDOW_LAGS.items():
            for lag in lags:
                mean = loss.windows.mean(width, lag)
                if mean is not None:
                    means.add_metric([component, str(width), str(lag)], mean)
            if width in loss.windows.best:
                best.add_metric([component, str(width)], loss.windows.best[width])
    yield from (means, best)
