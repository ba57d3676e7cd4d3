"""Why VaeNllDiverged fires or not: each named part of its rule, with its present numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from vae_exporter.judge import engine
from vae_exporter.judge.number import figures
from vae_exporter.judge.recorded_rules import recorded_rules
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.run_history import history_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from vae_exporter.judge.engine import Samples
    from vae_exporter.judge.recorded_rules import RecordedRule
    from vae_exporter.judge.simulation import Scrapes
    from vae_exporter.stack.run_history import RunHistory

DIVERGED = "run:vae_nll_diverged:bool"
"""1 while VaeNllDiverged fires. Its expression names the parts."""

_ALL = '__name__=~"run:vae_.+"'

_JUDGED_SECONDS = 60
"""Within this time of the last step of a run, its last scrape is judged. The rules then see it for another minute."""


@dataclass(frozen=True)
class Part:
    """A named part of the rule: whether it holds, what that means, and the *numbers* that it compares.

    *depth* is 0 for the whole rule, 1 for the parts that it names, 2 for the parts of these. A number is None while its
    series is absent.
    """

    name: str
    depth: int
    holds: bool
    meaning: str
    numbers: Mapping[str, float | None]


def explain_log(scrapes: Scrapes, files: Sequence[Path]) -> list[Part]:
    """Return the parts at the last of *scrapes*, as the rules in *files* record them.

    Raises:
        StackError: promtool is missing, or fails.
    """
    [samples] = engine.ask(scrapes, files, f"{{{_ALL}}}", at=[len(scrapes) - 1])
    return explain(samples, recorded_rules(files))


def explain_run(prometheus_url: str, run: str | None) -> tuple[str, list[Part]]:
    """Return the name of *run*, or of the only run, and the parts that Prometheus has now, or had at its last step.

    Raises:
        AnswerError: The server does not answer.
        RunError: The server has no such run, or *run* is None and it has several.
    """
    history = history_of(Prometheus(prometheus_url), run)
    is_scraped = history.server.value(f"run:vae_run:present{{{history.selector}}}")
    found = history.server.query(f"{{{_ALL},{history.selector}}}", at=None if is_scraped else _last_judged(history))
    samples = {series.labels["__name__"]: [(series.labels, series.value)] for series in found}
    return history.run, explain(samples, recorded_rules(engine.rule_files()))


def _last_judged(history: RunHistory) -> float:
    """Return the Unix time, in seconds, at which the rules knew the last values of a run that is over."""
    first, last = history.last_step_time, history.last_step_time + _JUDGED_SECONDS
    series = f"run:vae_nll:mean{{{history.selector}}}"
    found = history.server.query_range(series, start=first, end=last, step=_JUDGED_SECONDS / 12)
    return max((one.points[-1][0] for one in found), default=first)


def explain(samples: Samples, rules: Mapping[str, RecordedRule]) -> list[Part]:
    """Return the rule and its parts, each before the parts that it names, as *samples* has them at one moment."""
    return list(_parts(DIVERGED, 0, samples, rules, set()))


def _parts(
    name: str, depth: int, samples: Samples, rules: Mapping[str, RecordedRule], seen: set[str]
) -> Iterator[Part]:
    if name in seen:
        return
    seen.add(name)
    rule = rules[name]
    value = _value(samples, name)
    yield Part(
        name=name,
        depth=depth,
        holds=value is not None if rule.is_condition else bool(value),
        meaning=rule.meaning,
        numbers={used: _value(samples, used) for used in rule.uses if not _is_condition(used, rules)},
    )
    for used in rule.uses:
        if _is_condition(used, rules):
            yield from _parts(used, depth + 1, samples, rules, seen)


def _is_condition(name: str, rules: Mapping[str, RecordedRule]) -> bool:
    return name in rules and rules[name].is_condition


def _value(samples: Samples, name: str) -> float | None:
    return next((value for _, value in samples.get(name, ())), None)


def for_people(parts: Iterable[Part]) -> RenderableType:
    """Return the text for *parts*: one paragraph each, indented below the part that names it."""
    return Group(*(Padding(_paragraph(part), (0, 0, 0, 2 + 2 * part.depth), expand=False) for part in parts))


def _paragraph(part: Part) -> Text:
    text = Text("true   " if part.holds else "false  ", style="bold red" if part.holds else "dim")
    text.append(_short(part.name), style="bold default")
    text.append(f": {part.meaning}", style="default not bold")
    if part.numbers:
        known = {name: value for name, value in part.numbers.items() if value is not None}
        printed = dict(zip(known, figures(list(known.values())), strict=True))
        numbers = (f"{_short(name).replace('_', ' ')} {printed.get(name, 'unknown')}" for name in part.numbers)
        text.append(f"\n       {', '.join(numbers)}", style="dim not bold")
    return text


def _short(name: str) -> str:
    """Return *name* without the level and the signal, if that is the NLL: ``run:vae_nll:is_bad`` is ``is_bad``."""
    _, metric, operation = name.split(":")
    signal = metric.removeprefix("vae_")
    if operation == "bool":
        return signal.removeprefix("nll_")
    return operation if signal == "nll" else f"{signal} {operation}"
