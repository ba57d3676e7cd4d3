"""The metrics that describe the run: its labels, state, start, end, band edges and loss weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from vae_exporter.vocabulary import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the description, the state and the settings of the run."""
    yield _labelled(
        "vae_run_info", "Labels that describe the run, from info and outputs_url.", [(dict(settings.info), 1)]
    )
    yield _labelled(
        "vae_run_state",
        "The state of the run: 1 for the present state, 0 for the others.",
        [({"state": state}, state == facts.state) for state in RUN_STATES],
    )
    yield GaugeMetricFamily(
        "vae_run_start_timestamp_seconds", "Unix time at which the run started in this process.", value=facts.start_time
    )
    yield GaugeMetricFamily(
        "vae_run_end_timestamp_seconds", "Unix time at which the run ended. 0 until then.", value=facts.end_time
    )
    if facts.steps.start is not None:
        yield GaugeMetricFamily("vae_run_start_step", "The first step of this process.", value=facts.steps.start)
    yield GaugeMetricFamily(
        "vae_run_resumed",
        "1 if the run resumed from a checkpoint, 0 if it started from scratch.",
        value=facts.steps.is_resumed,
    )
    yield _labelled(
        "vae_band_edge",
        "A band edge that the run sets. It overrides the rules' default.",
        [({"signal": signal, "edge": edge}, value) for (signal, edge), value in settings.band_edges.items()],
    )
    yield _labelled(
        "vae_loss_weight",
        "The weight of this component in the loss, as the run declares it.",
        [({"component": component}, weight) for component, weight in settings.loss_weights.items()],
    )


def _labelled(name: str, text: str, samples: list[tuple[dict[str, str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text)
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family
