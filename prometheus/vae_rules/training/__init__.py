"""Whether a run trains well: prometheus/rules/training.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.rule import RuleFile, Section
from vae_rules.training import (
    bands,
    course,
    divergence,
    edges,
    facts,
    kl,
    nonfinite,
    parts,
    reconstruction,
    verdict,
)

FACTS = (
    facts.RUN,
    edges.RECORDS,
    facts.NLL,
    facts.COMPONENTS,
    facts.NONFINITE,
    facts.RECONSTRUCTION,
    facts.PROBE,
    facts.DISCRIMINATOR,
)
"""The first layer: the only one that names the labels that identify a run."""

JUDGEMENTS = (
    bands.RECORDS,
    divergence.RECORDS,
    nonfinite.RECORDS,
    course.RECORDS,
    parts.RECORDS,
    parts.CAUSE,
    reconstruction.RECORDS,
    kl.RECORDS,
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
    course.NEVER_GOOD,
    course.UNJUDGED,
)

TRAINING = RuleFile(
    name="training",
    group="vae_training",
    about=dedent(
        """\
        Judges the training of a video VAE from the metrics that vae_exporter exports.

        The first sections aggregate these metrics into facts about a run, one series per fact. The later sections
        combine the facts, and the alerts compare them. To see why an alert fires or does not, query any series by name.
        If a series is described as *present* while something holds, its value has no meaning."""
    ),
    sections=(*FACTS, *JUDGEMENTS, Section("Alerts", ALERTS)),
)
