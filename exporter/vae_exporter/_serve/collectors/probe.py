"""The metrics of the fixed probe clip. Its losses rise if the model gets worse, but not if the data gets harder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the last and the lowest losses on the clip, and the step of the last ones."""
    last = GaugeMetricFamily("vae_probe_loss", "The last loss on the fixed probe clip.", labels=["component"])
    best = GaugeMetricFamily(
        "vae_probe_best_loss", "The lowest loss on the fixed probe clip so far.", labels=["component"]
    )
    for component, loss in facts.probe.losses.items():
        last.add_metric([component], loss)
    for component, loss in facts.probe.best.items():
        best.add_metric([component], loss)
    yield from (last, best)
    if facts.probe.step is not None:
        yield GaugeMetricFamily(
            "vae_probe_step", "The step of the last losses on the fixed probe clip.", value=facts.probe.step
        )
