"""The parts of a rule file. `vae_rules.writing` turns them into YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Record:
    """A recorded series.

    A series has the labels in the level of its name (``run_gpu``), *labels*, and *more_labels*, which come from the
    expression. *about* describes the series in one sentence: a comment in the rule file and a row in
    docs/judging.md. *why* appears only in the rule file. Several rules may record one series with different *labels*;
    the first has the *about*.
    """

    name: str
    expr: str
    about: str = ""
    why: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    more_labels: Sequence[str] = ()


@dataclass(frozen=True)
class Alert:
    """An alert.

    *when* and *clears* form its row in docs/judging.md. *summary* and *description* are templates (see
    `vae_rules.sentences`), and *dashboard* is an address from `vae_rules.links`. *why* is a comment.
    """

    name: str
    severity: str
    expr: str
    when: str
    clears: str
    summary: str
    description: str
    dashboard: str
    has_outputs: bool = True
    why: str = ""
    hold: str = ""
    keep_firing: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


Rule = Record | Alert


@dataclass(frozen=True)
class Section:
    """Rules under one heading, in the rule file and in docs/judging.md."""

    title: str
    rules: Sequence[Rule]
    about: str = ""


@dataclass(frozen=True)
class RuleFile:
    """One rule file with one ordered group, so a metric reaches its alert within one evaluation.

    The rules of *memory* form a second group, which is evaluated seldom.
    """

    name: str
    group: str
    about: str
    sections: Sequence[Section]
    memory: Sequence[Section] = ()

    @property
    def rules(self) -> list[Rule]:
        """All rules: those of the first group in the order of evaluation, then those of the second."""
        return [rule for section in (*self.sections, *self.memory) for rule in section.rules]
