"""The metrics of the training's progress: steps, step durations, and values such as the learning rate."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from vae_exporter._record.facts import DURATION_BUCKETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts

_GAUGES = {
    "epoch": ("vae_epoch", "The epoch, as the trainer reports it."),
    "learning_rate": ("vae_learning_rate", "The learning rate."),
    "gradient_norm": ("vae_gradient_norm", "The gradient norm, as the trainer reports it."),
    "loss_scale": ("vae_loss_scale", "The loss scale of the gradient scaler."),
    "discriminator_factor": (
        "vae_discriminator_factor",
        "The weight of the adversarial loss. 0 until the discriminator starts.",
    ),
}
"""The metric and HELP text of each of `GAUGES`, except logvar, which is exported with the losses."""


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the step, the step durations and the gauges."""
    steps = facts.steps
    if steps.newest is not None:
        yield GaugeMetricFamily(
            "vae_step",
            "The newest optimizer step. It decreases on a resume from an earlier checkpoint.",
            value=steps.newest,
        )
    yield CounterMetricFamily("vae_steps_total", "Optimizer steps observed by this process.", value=steps.observed)
    yield CounterMetricFamily(
        "vae_steps_skipped_total",
        "Optimizer steps that the gradient scaler skipped.",
        value=steps.skipped,
    )
    yield GaugeMetricFamily(
        "vae_last_step_timestamp_seconds",
        "Unix time at which the newest step was first observed. Before the first step, the run's start.",
        value=steps.newest_time,
    )
    bounds = [*map(floatToGoString, DURATION_BUCKETS), "+Inf"]
    yield HistogramMetricFamily(
        "vae_step_duration_seconds",
        "Time in seconds from one observed step to the next, excluding pauses.",
        buckets=list(zip(bounds, accumulate(steps.durations.counts), strict=True)),
        sum_value=steps.durations.sum,
    )
    for name, (metric, text) in _GAUGES.items():
        if name in facts.gauges:
            yield GaugeMetricFamily(metric, text, value=facts.gauges[name])
    if facts.changes.discriminator_start is not None:
        yield GaugeMetricFamily(
            "vae_discriminator_start_step",
            "The first step with a discriminator. Absent if it did not start in this process.",
            value=facts.changes.discriminator_start,
        )
