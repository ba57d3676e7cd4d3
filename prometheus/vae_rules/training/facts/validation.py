"""How the validation compares with the training."""

from __future__ import annotations

from vae_rules.rule import Record, Section
from vae_rules.training.facts.aggregates import fact


def _fact(name: str, series: str, about: str) -> Record:
    return fact(name, "avg", series, about)


RECORDS = Section(
    "The validation",
    (
        _fact("run:vae_validation:step", "vae_validation_step", "The step of the newest evaluation that was compared"),
        _fact(
            "run:vae_validation_nll:mean",
            'vae_validation_nll{average="newest"}',
            "The NLL of the validation, averaged over the newest five evaluations",
        ),
        _fact(
            "run:vae_validation_nll:best", 'vae_validation_nll{average="best"}', "The lowest such average in this stage"
        ),
        _fact(
            "run:vae_validation_gap:ratio",
            'vae_validation_gap_ratio{average="newest"}',
            "How many times the NLL of the training that of the validation is, in the newest five evaluations",
        ),
        _fact(
            "run:vae_validation_gap:best",
            'vae_validation_gap_ratio{average="best"}',
            "The same when the validation was last clearly lower than before",
        ),
        _fact(
            "run:vae_validation_gap:standard_error",
            "vae_validation_gap_standard_error",
            "The standard error of the difference of these two",
        ),
        Record(
            "run:vae_validation_gap:lower_bound",
            "run:vae_validation_gap:ratio - $errors * run:vae_validation_gap:standard_error",
            "What the ratio is at least: $errors standard errors below it",
        ),
    ),
)
