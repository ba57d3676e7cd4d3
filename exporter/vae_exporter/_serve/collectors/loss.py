"""The metrics of the loss components: last value, first value, and non-finite values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield each component's last and first finite value, and its non-finite values."""
    last = GaugeMetricFamily(
        "vae_loss",
        "The last finite loss. For split=validation, the mean over the last evaluation.",
        labels=["component", "split"],
    )
    start = GaugeMetricFamily(
        "vae_loss_start", "The mean of the first 10 finite values of this process.", labels=["component"]
    )
    nonfinite = CounterMetricFamily(
        "vae_nonfinite_losses_total", "Losses that were NaN or infinite.", labels=["component"]
    )
    nonfinite_step = GaugeMetricFamily(
        "vae_last_nonfinite_step", "The last step with a NaN or infinite loss.", labels=["component"]
    )
    nonfinite_since = GaugeMetricFamily(
        "vae_nonfinite_since_step",
        "The first step of the newest unbroken series of NaN or infinite losses.",
        labels=["component"],
    )
    for component, loss in facts.losses.items():
        if loss.last is not None:
            last.add_metric([component, "train"], loss.last)
        if loss.start is not None:
            start.add_metric([component], loss.start)
        if component in facts.validation.losses:
            last.add_metric([component, "validation"], facts.validation.losses[component])
        nonfinite.add_metric([component], loss.nonfinite)
        if loss.last_nonfinite_step is not None:
            nonfinite_step.add_metric([component], loss.last_nonfinite_step)
        if loss.nonfinite_since is not None:
            nonfinite_since.add_metric([component], loss.nonfinite_since)
    yield from (last, start, nonfinite, nonfinite_step, nonfinite_since)
    yield GaugeMetricFamily(
        "vae_logvar",
        "The learned log variance of the likelihood. 0 if the trainer has none.",
        value=facts.gauges.get("logvar", 0),
    )
