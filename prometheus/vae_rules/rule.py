"""What a rule file is made of. PromQL and templates are text; `vae_rules.writing` turns it into YAML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Record:
    """A recorded series.

    The labels of a series are those that its level names (``run_gpu``), *labels*, and *more_labels*, which its
    expression brings. *about* says in one sentence what the series is: a comment in the rule file, and a row in
    docs/judging.md. *why* is for the reader of the rule file alone. Several rules may record one series, told apart by
    *labels*: the first of them has the *about*.
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

    *when* and *clears* are the words of its row in docs/judging.md. *summary* and *description* are templates: see
    `vae_rules.sentences`. *dashboard* is the address of its dashboard: see `vae_rules.links`. *why* is a comment.
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
    """Rules under a heading, which is a comment in the rule file and a heading in docs/judging.md."""

    title: str
    rules: Sequence[Rule]
    about: str = ""


@dataclass(frozen=True)
class RuleFile:
    """One rule file with one ordered group: a chain of rules then costs one evaluation, from a figure to its alert."""

    name: str
    group: str
    about: str
    sections: Sequence[Section]

    @property
    def rules(self) -> list[Rule]:
        """All rules, in the order in which they are evaluated."""
        return [rule for section in self.sections for rule in section.rules]
