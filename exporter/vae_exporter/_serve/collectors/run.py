"""What the run is, and whether it goes on."""

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
    """Yield the run's description, state, start and end."""
    yield _labelled("vae_run_info", "What this run is, as its author described it.", [(dict(settings.info), 1)])
    yield _labelled(
        "vae_run_state",
        "Whether the run is in this state: one state is 1, the others 0.",
        [({"state": state}, state == facts.state) for state in RUN_STATES],
    )
    yield GaugeMetricFamily(
        "vae_run_start_timestamp_seconds", "When this process began the run, in Unix time.", value=facts.start_time
    )
    yield GaugeMetricFamily(
        "vae_run_end_timestamp_seconds", "When the run ended, in Unix time; 0 while it lasts.", value=facts.end_time
    )
    if facts.steps.start is not None:
        yield GaugeMetricFamily("vae_run_start_step", "The first step of this process.", value=facts.steps.start)
    yield GaugeMetricFamily(
        "vae_run_resumed",
        "1 if this process went on from a checkpoint, 0 if it started anew.",
        value=facts.steps.is_resumed,
    )
    yield _labelled(
        "vae_band_edge",
        "An edge of a quality band that this run set itself; it wins over the rules' default.",
        [({"signal": signal, "edge": edge}, value) for (signal, edge), value in settings.band_edges.items()],
    )
    yield _labelled(
        "vae_loss_weight",
        "The weight of the component in the loss, as declared.",
        [({"component": component}, weight) for component, weight in facts.weights.items()],
    )
    yield _labelled(
        "vae_nll_part_weight",
        "The weight of the component in the judged NLL; absent if the parts cannot be told apart.",
        [({"component": component}, weight) for component, weight in facts.nll_part_weights.items()],
    )
    yield _labelled(
        "vae_loss_info",
        "What is judged, as a formula of the reported losses.",
        [({"judged": settings.definition.judged}, 1)],
    )
    yield GaugeMetricFamily(
        "vae_loss_has_standard_scale",
        "1 if the default bands fit the judged NLL as far as it was declared, 0 if they do not.",
        value=settings.definition.has_standard_scale,
    )
    yield GaugeMetricFamily(
        "vae_run_pretrained", "1 if the run started from pretrained weights.", value=settings.is_pretrained
    )


def _labelled(name: str, text: str, samples: list[tuple[dict[str, str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text)
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family
