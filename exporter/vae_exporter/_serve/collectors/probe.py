"""The losses on one fixed clip: they rise when the model gets worse, and not when the data get harder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the probe's last and lowest losses, and the step at which it was last tried."""
    last = GaugeMetricFamily("vae_probe_loss", "The last loss on the fixed clip.", labels=["component"])
    best = GaugeMetricFamily("vae_probe_best_loss", "The lowest loss on the fixed clip so far.", labels=["component"])
    for component, loss in facts.probe.losses.items():
        last.add_metric([component], loss)
    for component, loss in facts.probe.best.items():
        best.add_metric([component], loss)
    yield from (last, best)
    if facts.probe.step is not None:
        yield GaugeMetricFamily(
            "vae_probe_step", "The step at which the fixed clip was last tried.", value=facts.probe.step
        )
    if facts.probe.training_nll is not None:
        yield GaugeMetricFamily(
            "vae_probe_training_nll",
            "The judged training NLL over the short window before the step of the probe.",
            value=facts.probe.training_nll,
        )
