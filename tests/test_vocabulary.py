"""The names that are shared: what the exporter accepts, and what the rules say, are these and no others."""

from __future__ import annotations

import inspect

from scraping import scrape
from shipped_rules import labels_of_rules

from vae_exporter import TrainingExporter
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS, CONVERGING, GAUGES, NLL_BANDS, NLL_PARTS, VERDICTS
from vae_rules.constants import EDGES


def test_each_value_is_a_keyword_of_observe() -> None:
    parameters = inspect.signature(TrainingExporter.observe).parameters
    keywords = {name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    assert keywords - {"split", "skipped", "weights", "group", "mean_over", "data_position"} == {*COMPONENTS, *GAUGES}


def test_what_is_observed_of_each_value_is_exported() -> None:
    given = {name: float(number) for number, name in enumerate((*COMPONENTS, *GAUGES), 1)}
    with TrainingExporter("r", port=0, linger_seconds=0, gpus=False) as exporter:
        for name, value in given.items():
            exporter.observe(1, **{name: value})
        samples = scrape(exporter.url)
    losses = {name: samples[f"vae_loss {name} train"] for name in COMPONENTS}
    gauges = {name: samples[f"vae_{name}"] for name in GAUGES}
    assert {**losses, **gauges} == given


def test_each_part_of_the_nll_says_what_is_wrong_if_it_grows() -> None:
    assert tuple(name for name, component in COMPONENTS.items() if component.failure) == NLL_PARTS


def test_the_rules_know_the_same_edges() -> None:
    assert {signal: tuple(edges) for signal, edges in EDGES.items()} == BAND_EDGES


def test_the_rules_know_the_same_bands() -> None:
    assert {band for (band,) in labels_of_rules("band")} == {*NLL_BANDS, CONVERGING}


def test_the_rules_know_the_same_verdicts() -> None:
    assert {verdict for (verdict,) in labels_of_rules("verdict")} == set(VERDICTS)


def test_the_bands_lie_between_edges_of_the_nll_that_ascend() -> None:
    limits = list(NLL_BANDS.values())
    assert [upper for _, upper in limits[:-1]] == [lower for lower, _ in limits[1:]]
    inner = [lower for lower, _ in limits[1:] if lower is not None]
    assert inner == sorted(inner, key=BAND_EDGES["nll"].index)
