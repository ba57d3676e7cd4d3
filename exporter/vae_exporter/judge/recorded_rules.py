"""The recording rules as they are shipped: what each series means, and from which others it is computed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_RULE = re.compile(
    r"(?P<comment>(?:^ +#.*\n)*)^ +- record: (?P<name>\S+)\n(?P<body>(?:^ {8}.*\n)*)",
    re.MULTILINE,
)
_SERIES = re.compile(r"\brun:vae_\w+:\w+")
_PRESENCE = re.compile(r"^Present (?:while|once|if|for) ")
_TRUTH = re.compile(r"^1 while (.*), 0 while .*")


@dataclass(frozen=True)
class RecordedRule:
    """A recorded series of a run.

    Args:
        name: The name of the series.
        about: The first sentence of the comment above the rule.
        uses: The other recorded series of the run that its expression names, in order.
    """

    name: str
    about: str
    uses: tuple[str, ...]

    @property
    def is_condition(self) -> bool:
        """Whether the series is present while something holds. Another one is a number."""
        return _PRESENCE.match(self.about) is not None

    @property
    def meaning(self) -> str:
        """What holds while a condition is present or a truth value is 1, or what a number is."""
        return _TRUTH.sub(r"\1", _PRESENCE.sub("", self.about))


def recorded_rules(files: Iterable[Path]) -> Mapping[str, RecordedRule]:
    """Return the recording rules in *files* by the name of their series. The first of a series counts."""
    rules: dict[str, RecordedRule] = {}
    for file in files:
        for found in _RULE.finditer(file.read_text(encoding="utf-8")):
            rule = _rule(found)
            rules.setdefault(rule.name, rule)
    return rules


def _rule(found: re.Match[str]) -> RecordedRule:
    comment = " ".join(line.strip().removeprefix("# ") for line in found["comment"].splitlines())
    others = dict.fromkeys(name for name in _SERIES.findall(found["body"]) if name != found["name"])
    return RecordedRule(found["name"], comment.partition(". ")[0], tuple(others))
