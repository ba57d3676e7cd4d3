"""Labels of `vae_run_info` on the alerts of a run, such as the team that Alertmanager notifies."""

from __future__ import annotations

from argparse import ArgumentTypeError
from dataclasses import replace
from textwrap import dedent, indent
from typing import TYPE_CHECKING

from vae_rules.identity import are_label_names
from vae_rules.rule import Alert, Record, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_rules.rule import Rule, RuleFile

_SERIES = "run:vae_run:labels"


_OWN = frozenset({"alertname", "severity", "run", "rank", "gpu"})


def parse_alert_labels(text: str) -> tuple[str, ...]:
    """Return the label names in *text*, which commas separate.

    Raises:
        ArgumentTypeError: A name is not a valid label name, is repeated, or is a label that alerts have anyway.
    """
    labels = tuple(text.split(","))
    if not are_label_names(labels) or not _OWN.isdisjoint(labels):
        raise ArgumentTypeError(f"must be names of labels from info=, such as team,project; got {text!r}")
    return labels


def with_alert_labels(files: Sequence[RuleFile], labels: Sequence[str]) -> Sequence[RuleFile]:
    """Return *files*, in which each alert about a run has those of *labels* that the run has."""
    if not labels:
        return files
    first, *others = [
        replace(file, sections=[_labelled(section, labels) for section in file.sections]) for file in files
    ]
    return [replace(first, sections=[_facts(labels), *first.sections]), *others]


def _facts(labels: Sequence[str]) -> Section:
    return Section(
        "Labels of the alerts",
        (
            Record(
                _SERIES,
                f"""
                  topk by (run) (1, group by (run, {", ".join(labels)}) (last_over_time(vae_run_info[2m])))
                or on (run)
                  last_over_time({_SERIES}[1h])
                  and on (run)
                  last_over_time(run_rank:vae_run_alive:timestamp_seconds[2h])
                """,
                "The labels of the run that its alerts have. Kept for longer than any alert about the run",
                more_labels=labels,
            ),
        ),
    )


def _labelled(section: Section, labels: Sequence[str]) -> Section:
    return replace(section, rules=[_joined(rule, labels) for rule in section.rules])


def _joined(rule: Rule, labels: Sequence[str]) -> Rule:
    """Return *rule* with the labels, if it is an alert about a run. An alert fires without them if they are unknown."""
    if not isinstance(rule, Alert) or "$labels.run }}" not in rule.summary:
        return rule
    expr = f"(\n{indent(dedent(rule.expr).strip(chr(10)).rstrip(), '  ')}\n)"
    return replace(
        rule,
        expr=f"{expr}\n* on (run) group_left ({', '.join(labels)})\n  {_SERIES}\n"
        f"or\n{expr}\nunless on (run)\n  {_SERIES}\n",
    )
