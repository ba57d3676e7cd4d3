"""Print judgements as text or as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from vae_exporter.judge import explanation
from vae_exporter.judge.number import figure
from vae_exporter.vocabulary import NLL_BANDS, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from vae_exporter.judge.judgement import AlertEpisode, BandSpan, Judgement
    from vae_exporter.judge.logs.logged_run import LoggedRun

STYLES = {
    **dict(zip(VERDICTS, ("bold green", "bold cyan", "bold yellow", "bold red"), strict=True)),
    **dict(zip(NLL_BANDS, ("magenta", "blue", "green", "cyan", "yellow", "red"), strict=True)),
    "page": "bold red",
    "ticket": "yellow",
}
"""The rich styles of verdicts, bands and severities."""

STRIP_WIDTH = 60
"""The length in characters of the timeline that shows the bands."""

MAX_SPANS = 24
"""The most band spans that are listed. If there are more, the longest are."""


@dataclass(frozen=True)
class JudgedRun:
    """A run, read to its end, and its judgement."""

    run: LoggedRun
    judgement: Judgement


def as_json(judged: JudgedRun) -> dict[str, Any]:
    """Return the object that ``judge --json`` prints for *judged*."""
    run, judgement = judged.run, judged.judgement
    return {
        "file": run.file,
        "run": run.name,
        "first_step": run.first_step,
        "last_step": run.last_step,
        "steps_read": run.steps_read,
        "refused": dict(run.refused),
        "verdict": judgement.verdict,
        "band": judgement.band,
        "nll": judgement.nll if judgement.nll is not None and math.isfinite(judgement.nll) else None,
        "alerts": [
            {
                "alert": episode.alert,
                "severity": episode.severity,
                "step": episode.step,
                "cause": episode.cause,
                "resolved_step": episode.resolved_step,
                "inhibited_by": episode.inhibited_by,
                "inhibited_step": episode.inhibited_step,
            }
            for episode in judgement.alerts
        ],
    }


def for_people(judged: JudgedRun, *, explain: bool) -> RenderableType:
    """Return the text for *judged*. *explain* adds how the log was read, and each refused line."""
    run, judgement = judged.run, judged.judgement
    facts = _table()
    facts.add_row("Verdict", _verdict(judgement))
    facts.add_row("Steps", _steps(run))
    if explain:
        facts.add_row("Format", run.format)
        facts.add_row("Loss weights", str(run.weights))
        kl_weight = "unknown: the total is not nll + weight * kl"
        facts.add_row("KL weight", kl_weight if run.kl_weight is None else figure(run.kl_weight))
        facts.add_row("By medians", f"{run.by_median} of {run.steps_read} rows (see docs/past-runs.md)")
    parts: list[RenderableType] = [Text(f"{run.name}  ({run.file})", style="bold"), facts]
    parts.extend((Text("Bands"), Text.assemble("  ", strip(judgement.bands)), _bands(judgement.bands)))
    parts.extend((Text("Alerts"), *(_alert(episode) for episode in judgement.alerts)))
    if not judgement.alerts:
        parts.append(Text("  none would have fired"))
    if judgement.why:
        parts.extend((Text("Why VaeNllDiverged fires at the end, or does not"), explanation.for_people(judgement.why)))
    if explain and run.refused:
        parts.extend((Text("Refused lines"), _refusals(run)))
    return Group(*parts, Text())


def comparison(judged: Sequence[JudgedRun]) -> RenderableType:
    """Return a table with a row for each run."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Run", "Steps", "Verdict", "Band", "NLL", "Pages", "Tickets", "First page"):
        table.add_column(name, justify="right" if name in ("NLL", "Pages", "Tickets", "First page") else "left")
    for one in judged:
        judgement = one.judgement
        pages = [episode for episode in judgement.alerts if episode.severity == "page"]
        table.add_row(
            Text(one.run.name),
            f"{one.run.first_step} to {one.run.last_step}",
            _styled(judgement.verdict or "none"),
            _styled(judgement.band or "none"),
            "-" if judgement.nll is None else figure(judgement.nll),
            str(len(pages)),
            str(len(judgement.alerts) - len(pages)),
            f"step {pages[0].step}" if pages else "-",
        )
    return table


def strip(bands: Iterable[BandSpan]) -> Text:
    """Return the run's timeline: the initial of the band at each of `STRIP_WIDTH` points, or a dot if it has none."""
    spans = list(bands)
    if not spans:
        return Text()
    first, last = min(span.first_step for span in spans), max(span.last_step for span in spans)
    text = Text()
    for part in range(STRIP_WIDTH):
        step = first + (last - first) * (part + 0.5) / STRIP_WIDTH
        span = next((span for span in reversed(spans) if span.first_step <= step), spans[0])
        text.append("." if span.band is None else span.band[0], style=STYLES.get(span.band or "", "dim"))
    return text


def _verdict(judgement: Judgement) -> Text:
    if judgement.verdict is None:
        return Text("none: the log ends before its first long window. If its rows are means, pass --means", style="dim")
    text = _styled(judgement.verdict)
    if judgement.reason != judgement.verdict:
        text.append(f" ({judgement.reason})", style="default not bold")
    if judgement.nll is not None:
        text.append(f", NLL {figure(judgement.nll)} at the end", style="default not bold")
    if judgement.paged:
        text.append("; it would have paged", style="bold red")
    return text


def _steps(run: LoggedRun) -> str:
    refused = ", ".join(f"{count} {reason}" for reason, count in run.refused.most_common())
    count = f"{sum(run.refused.values())} refused" + (f" ({refused})" if refused else "")
    return f"{run.first_step} to {run.last_step}: {run.steps_read} rows read, {count}"


def _bands(bands: Sequence[BandSpan]) -> RenderableType:
    table = _table()
    longest = sorted(bands, key=lambda span: span.last_step - span.first_step, reverse=True)[:MAX_SPANS]
    for span in bands:
        if span in longest:
            nll = "" if span.nll is None else f"NLL {figure(span.nll)} at the end"
            end = "" if span.last_step == span.first_step else f" to {span.last_step}"
            table.add_row(
                f"{span.first_step}{end}",
                _styled(span.band or ("none yet" if span.nll is None else "no band fits")),
                nll,
            )
    if len(bands) > MAX_SPANS:
        table.add_row("", f"and {len(bands) - MAX_SPANS} shorter spans", "")
    return table


def _alert(episode: AlertEpisode) -> RenderableType:
    title = Text("  ")
    title.append_text(_styled(episode.severity))
    title.append(f"  {episode.alert}", style="bold")
    until = "to the end" if episode.resolved_step is None else f"to step {episode.resolved_step}"
    if episode.resolved_step is not None and episode.resolved_step < episode.step:
        until += ", after the run resumed from an earlier step"
    title.append(f"  from step {episode.step} {until}")
    if episode.inhibited_by is not None:
        title.append(f", inhibited by {episode.inhibited_by} from step {episode.inhibited_step}")
    if episode.cause is not None:
        title.append(f", cause: {episode.cause}")
    advice = Padding(Text(f"{episode.summary}\n{episode.description}"), (0, 0, 0, 4), expand=False)
    return Group(title, advice)


def _refusals(run: LoggedRun) -> RenderableType:
    return Group(*(Text(f"  {line}") for line in _refusal_lines(run)))


def _refusal_lines(run: LoggedRun) -> Iterator[str]:
    for refusal in sorted(run.refusals, key=lambda one: one.line):
        detail = f" ({refusal.detail})" if refusal.detail else ""
        yield f"line {refusal.line}: {refusal.reason}{detail}: {refusal.text}"
    if sum(run.refused.values()) > len(run.refusals):
        yield f"and {sum(run.refused.values()) - len(run.refusals)} more"


def _styled(name: str) -> Text:
    return Text(name, style=STYLES.get(name, ""))


def _table() -> Table:
    table = Table.grid(padding=(0, 0, 0, 2), pad_edge=True)
    table.add_column(style="dim")
    return table
