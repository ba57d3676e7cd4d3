"""The components of the loss: last values, first values, and values that are no numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._recorder import RunFacts
    from vae_exporter._settings import RunSettings


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield each component's last and first finite value, and its count of non-finite ones."""
    last = GaugeMetricFamily("vae_loss", "The last finite value of a loss.", labels=["component", "split"])
    start = GaugeMetricFamily("vae_loss_start", "The first finite value in this process.", labels=["component"])
    nonfinite = CounterMetricFamily("vae_nonfinite_losses", "Values that were NaN or infinite.", labels=["component"])
    nonfinite_step = GaugeMetricFamily(
        "vae_last_nonfinite_step", "The last step with a NaN or infinite value.", labels=["component"]
    )
    for component, loss in facts.losses.items():
        if loss.last is not None:
            last.add_metric([component, "train"], loss.last)
        if loss.start is not None:
            start.add_metric([component], loss.start)
        nonfinite.add_metric([component], loss.nonfinite)
        if loss.last_nonfinite_step is not None:
            nonfinite_step.add_metric([component], loss.last_nonfinite_step)
    yield from (last, start, nonfinite, nonfinite_step)
    yield GaugeMetricFamily(
        "vae_logvar",
        "The learned log variance of the likelihood; 0 where the trainer has none.",
        value=facts.gauges.get("logvar", 0),
    )
