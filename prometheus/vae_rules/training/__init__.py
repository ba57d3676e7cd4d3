"""Whether a run trains well: prometheus/rules/training.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.rule import RuleFile, Section
from vae_rules.training import (
    bands,
    baseline,
    course,
    divergence,
    edges,
    exporter_version,
    kl,
    memory,
    nonfinite,
    parts,
    reconstruction,
    succession,
    validation,
    verdict,
)
from vae_rules.training.facts import components, level, nll, probe, ranks, run
from vae_rules.training.facts import nonfinite as nonfinite_facts
from vae_rules.training.facts import reconstruction as reconstruction_facts
from vae_rules.training.facts import validation as validation_facts

FACTS = (
    run.RECORDS,
    succession.RECORDS,
    edges.RECORDS,
    nll.RECORDS,
    level.RECORDS,
    ranks.RECORDS,
    components.RECORDS,
    nonfinite_facts.RECORDS,
    reconstruction_facts.RECORDS,
    probe.RECORDS,
    validation_facts.RECORDS,
    baseline.FACTS,
)
"""The first layer: the only one that names the labels that identify a run."""

JUDGEMENTS = (
    exporter_version.RECORDS,
    bands.FIT,
    bands.RECORDS,
    divergence.RECORDS,
    nonfinite.RECORDS,
    course.RECORDS,
    parts.RECORDS,
    baseline.RECORDS,
    parts.CAUSE,
    reconstruction.RECORDS,
    kl.RECORDS,
    validation.RECORDS,
    verdict.RECORDS,
)

ALERTS = (
    divergence.ALERT,
    nonfinite.ALERT,
    course.RISING,
    course.SPIKE,
    course.SUSPICIOUS,
    reconstruction.ALERT,
    parts.SUM_MISMATCH,
    kl.ALERT,
    validation.ALERT,
    course.BANDS_UNFIT,
    course.SPARSE,
    course.RANK_STANDS_OUT,
    course.UNJUDGED,
    exporter_version.ALERT,
)

TRAINING = RuleFile(
    name="training",
    group="vae_training",
    about=dedent(
        """\
        Judges the training of a video VAE from the metrics that vae_exporter exports.

        The first sections aggregate the exporters' figures into facts of a run: one series a fact. The later ones
        combine them, and the alerts compare. Query any of them by name to see why an alert fires or not. A series that
        is only *present* while something holds has no value of interest."""
    ),
    sections=(*FACTS, *JUDGEMENTS, Section("Alerts", ALERTS)),
    memory=(memory.RECORDS,),
)
