"""The series that a page waits for, with their parts written out, for a ruler that reads what it records too late.

vmalert reads a recorded series one evaluation late, so a page that passes through six series is six evaluations late.
"""

from __future__ import annotations

import re
from dataclasses import replace
from textwrap import dedent, indent
from typing import TYPE_CHECKING

from vae_rules.rule import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vae_rules.rule import Rule, RuleFile

PAGES = ("run:vae_nll_diverged:bool", "run:vae_loss_nonfinite:bool")
"""The series that the pages about a loss read."""

PARTS = (
    "run_rank:vae_step:max",
    "run_rank:vae_loss:is_nonfinite",
    "run:vae_loss:is_nonfinite",
    "run:vae_nll:mean",
    "run:vae_nll:mean_before",
    "run:vae_nll:mean_2_before",
    "run:vae_nll:mean_3_before",
    "run:vae_nll:mean_before_short",
    "run:vae_nll:short_mean",
    "run:vae_nll:short_mean_before",
    "run:vae_nll:standard_error",
    "run:vae_nll:values",
    "run:vae_nll:lower_bound",
    "run:vae_nll:is_bad",
    "run:vae_nll:is_bad_for_long",
    "run:vae_nll:is_diverging",
    "run:vae_nll:is_falling",
    "run:vae_nll:has_drifted",
    "run:vae_nll:has_multiplied",
    "run:vae_nll:has_quadrupled",
)
"""The facts about the newest steps on the way to a page. What a run was before may be an evaluation old."""

_NEWEST = re.compile(rf"(?<![\w:])({'|'.join(PARTS)})(?![\w:]|\s*[\[{{]|\s+offset)")
"""A part as an instant vector. A range of it, or its past, has to be recorded."""


def with_pages_inlined(files: Sequence[RuleFile]) -> Sequence[RuleFile]:
    """Return *files*, in which the series of `PAGES` read the metrics of the exporter instead of recorded `PARTS`."""
    expressions = {
        rule.name: dedent(rule.expr).strip("\n")
        for file in files
        for rule in file.rules
        if isinstance(rule, Record) and rule.name in PARTS
    }
    return [
        replace(
            file,
            sections=[
                replace(section, rules=[_inlined(rule, expressions) for rule in section.rules])
                for section in file.sections
            ],
        )
        for file in files
    ]


def _inlined(rule: Rule, expressions: Mapping[str, str]) -> Rule:
    if rule.name not in PAGES:
        return rule
    return replace(rule, expr=_written_out(dedent(rule.expr), expressions))


def _written_out(expression: str, expressions: Mapping[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        return f"(\n{indent(_written_out(expressions[found[1]], expressions), '  ')}\n)"

    return _NEWEST.sub(part, expression)
