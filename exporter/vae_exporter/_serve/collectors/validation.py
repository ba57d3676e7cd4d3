"""The metrics that compare the validation with the training. The gap grows if the model overfits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the validation NLL and its gap to the training, now and at their best."""
    gap = facts.validation.gap
    nll = GaugeMetricFamily(
        "vae_validation_nll",
        "The judged NLL of the validation, averaged over the newest five evaluations, and the lowest such average.",
        labels=["average"],
    )
    ratio = GaugeMetricFamily(
        "vae_validation_gap_ratio",
        "How many times the training's NLL the validation's is, in these evaluations.",
        labels=["average"],
    )
    error = GaugeMetricFamily(
        "vae_validation_gap_standard_error", "The standard error of the difference of the two ratios."
    )
    step = GaugeMetricFamily("vae_validation_step", "The step of the newest evaluation that was compared.")
    if gap is not None:
        nll.add_metric(["newest"], gap.nll)
        nll.add_metric(["best"], gap.best_nll)
        ratio.add_metric(["newest"], gap.ratio)
        ratio.add_metric(["best"], gap.best_ratio)
        step.add_metric([], gap.step)
        if gap.standard_error is not None:
            error.add_metric([], gap.standard_error)
    yield from (nll, ratio, error, step)
