"""The generated tables of docs/judging.md: bands, edges, numbers, alerts and series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vae_rules.constants import CONSTANTS, EDGES, with_numbers
from vae_rules.rule import Alert, Record
from vae_rules.training.bands import MEANINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_rules.rule import RuleFile, Section

_TABLE = re.compile(r"(?P<begin><!-- generated: (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def with_tables(page: str, files: Sequence[RuleFile]) -> str:
    """Return *page* with its generated tables up to date."""
    tables = {
        "bands": _bands(),
        "edges": _edges(),
        "numbers": _numbers(),
        "alerts": _alerts(files),
        "series": _series(files),
    }
    return _TABLE.sub(lambda found: f"{found['begin']}\n{tables[found['name']]}\n\n{found['end']}", page)


def _table(header: str, rows: Iterable[Iterable[str]]) -> str:
    columns = header.count("|") + 1
    return "\n".join([f"| {header} |", "|" + " --- |" * columns, *(f"| {' | '.join(row)} |" for row in rows)])


def _bands() -> str:
    return _table(
        "band | NLL | what it means", ((name, with_numbers(nll), with_numbers(what)) for name, nll, what in MEANINGS)
    )


def _edges() -> str:
    return _table(
        "signal | edges",
        (
            (f"`{signal}`", ", ".join(f"`{edge}` {value:g}" for edge, value in edges.items()))
            for signal, edges in EDGES.items()
        ),
    )


def _numbers() -> str:
    return _table("number | value | why", ((one.name.replace("_", " "), one.value, one.reason) for one in CONSTANTS))


def _alerts(files: Sequence[RuleFile]) -> str:
    alerts = [rule for file in files for rule in file.rules if isinstance(rule, Alert)]
    return _table(
        "alert | severity | fires when | resolves",
        (
            (f"[{one.name}](runbooks/{one.name}.md)", one.severity, with_numbers(one.when), with_numbers(one.clears))
            for one in alerts
        ),
    )


def _series(files: Sequence[RuleFile]) -> str:
    return "\n\n".join(
        f"#### {with_numbers(section.title)}\n\n{_table('series | labels | what', rows)}"
        if section
        else f"### {file.name}.yml"
        for file in files
        for section in (None, *file.sections, *file.memory)
        if section is None or (rows := list(_rows(section)))
    )


def _rows(section: Section) -> Iterable[tuple[str, str, str]]:
    for rule in section.rules:
        if isinstance(rule, Record) and rule.about:
            yield f"`{rule.name}`", ", ".join(f"`{label}`" for label in _labels(rule)), with_numbers(rule.about)


def _labels(rule: Record) -> list[str]:
    """Return the labels of a recorded series besides ``run``: those in its name and those that the rule adds."""
    level = rule.name.partition(":")[0]
    own = [label for label in level.split("_") if label != "run"]
    return [*own, *rule.labels, *rule.more_labels]
