"""Which alert of a run inhibits another one, by the shipped configuration of Alertmanager."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from vae_exporter.errors import StackError
from vae_exporter.stack.files import stack_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vae_exporter.judge.engine import FiringAlert

_MATCHER = re.compile(r'(?P<label>\w+)(?P<operator>=~?)"(?P<value>[^"\\]*)"')


@dataclass(frozen=True)
class InhibitRule:
    """While an alert that matches *source* fires, those that match *target* and agree on *equal* notify nobody.

    *source* and *target* are a regular expression for the whole value of each label.
    """

    source: Mapping[str, str]
    target: Mapping[str, str]
    equal: tuple[str, ...]

    def applies(self, source: FiringAlert, target: FiringAlert) -> bool:
        """Return whether *source* inhibits *target*."""
        return (
            _matches(source.labels, self.source)
            and _matches(target.labels, self.target)
            and all(source.labels.get(label) == target.labels.get(label) for label in self.equal)
        )


def inhibit_rules() -> list[InhibitRule]:
    """Return the inhibit rules of the shipped configuration.

    Raises:
        StackError: It is missing, or has a matcher that this module does not know.
    """
    file = stack_folder() / "alertmanager" / "alertmanager.yml"
    return [_rule(rule) for rule in yaml.safe_load(file.read_text(encoding="utf-8"))["inhibit_rules"]]


def inhibitor(alert: FiringAlert, firing: Iterable[FiringAlert], rules: Iterable[InhibitRule]) -> str | None:
    """Return the name of an alert among those *firing* that inhibits *alert* by *rules*, or None."""
    rules = list(rules)
    return next((other.name for other in firing if any(rule.applies(other, alert) for rule in rules)), None)


def _rule(rule: Mapping[str, Any]) -> InhibitRule:
    return InhibitRule(_patterns(rule["source_matchers"]), _patterns(rule["target_matchers"]), tuple(rule["equal"]))


def _patterns(matchers: Iterable[str]) -> dict[str, str]:
    found = {}
    for matcher in matchers:
        parts = _MATCHER.fullmatch(matcher)
        if parts is None:
            raise StackError(f'a matcher of inhibit_rules must be LABEL="VALUE" or LABEL=~"PATTERN", got {matcher!r}')
        found[parts["label"]] = parts["value"] if parts["operator"] == "=~" else re.escape(parts["value"])
    return found


def _matches(labels: Mapping[str, str], patterns: Mapping[str, str]) -> bool:
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in patterns.items())
