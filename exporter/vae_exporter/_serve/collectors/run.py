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
    if settings.pictures is not None:
        yield _labelled(
            "vae_outputs_every_steps",
            "The steps between two pictures of the outputs, and their URL. 0 if the URL is the same for all steps.",
            [({"picture_url": settings.pictures.url}, settings.pictures.every)],
        )
    yield GaugeMetricFamily(
        "vae_run_pretrained", "1 if the run started from pretrained weights.", value=settings.is_pretrained
    )


def _labelled(name: str, text: str, samples: list[tuple[dict[str, str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text)
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family
