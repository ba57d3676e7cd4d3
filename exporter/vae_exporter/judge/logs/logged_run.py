"""Read the runs of a log one after another, in a single pass."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from vae_exporter._record.weighted_nll import weighted_nll
from vae_exporter.errors import LogError
from vae_exporter.judge.logs import detection, reading
from vae_exporter.judge.logs.columns import Columns, mapping_hint
from vae_exporter.judge.logs.repair.contradictions import common_kl_weight, common_weights, refuse_contradictions
from vae_exporter.judge.logs.repair.means import stretches
from vae_exporter.judge.logs.repair.misplaced import refuse_misplaced
from vae_exporter.judge.logs.repair.repeats import refuse_repeats
from vae_exporter.judge.logs.repair.rounded import spread_rounded
from vae_exporter.judge.logs.repair.running import place_running_means
from vae_exporter.judge.logs.repair.weights import LossWeights, fit_weights
from vae_exporter.judge.logs.rows import Refusal, Row, RunningMean, printable
from vae_exporter.judge.logs.runs import split_into_runs
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from vae_exporter.judge.logs.repair.means import Stretch

FITTED_ROWS = 512
"""The loss weights are fitted to this many rows at the start of a run."""

MAX_SHOWN_REFUSALS = 10_000
"""The most refused lines of a run that are kept for display. All are counted."""

RESUMED_FROM = 100
"""A log that begins above this step is from a run that resumed from a checkpoint, or has lost its beginning."""


@dataclass(frozen=True)
class LogOptions:
    """How to read a log.

    Args:
        columns: The names of its columns.
        weights: The loss weights.
        every: The number of steps per row if the log has no steps.
        are_means: Whether the losses of a row are means of the steps since the row before.
    """

    columns: Columns = field(default_factory=Columns)
    weights: Mapping[str, float] = field(default_factory=dict)
    every: int = 1
    are_means: bool = False


@dataclass
class LoggedRun:
    """One run of a log. Its steps and counts are updated while *stretches* is read.

    Args:
        name: The file's name, followed by a number from the second run on.
        file: The path that the user passed.
        format: The name of the log's format.
        weights: The loss weights, passed or fitted.
        kl_weight: The weight w in total = nll + w * kl. None if the total does not add up this way.
        start_step: The step that the run resumed from. None if it started from scratch.
        stretches: The losses by step. They can be read once.
        first_step: The lowest step read.
        last_step: The step of the last row read.
        steps_read: The number of rows used.
        by_median: The number of these rows in which medians stand in for means.
        refused: The number of refused lines by reason.
        refusals: The first `MAX_SHOWN_REFUSALS` refused lines.
    """

    name: str
    file: str
    format: str
    weights: LossWeights
    kl_weight: float | None
    start_step: int | None
    stretches: Iterator[Stretch] = field(default_factory=lambda: iter(()), repr=False)
    first_step: int | None = None
    last_step: int | None = None
    steps_read: int = 0
    by_median: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def loss_weights(self) -> dict[str, float]:
        """All known weights, including that of the KL."""
        return {**({} if self.kl_weight is None else {"kl": self.kl_weight}), **self.weights.weights}

    def refuse(self, refusal: Refusal) -> None:
        """Count *refusal*, and keep it for display."""
        self.refused[refusal.reason] += 1
        if len(self.refusals) < MAX_SHOWN_REFUSALS:
            self.refusals.append(refusal)


def read_runs(path: Path, options: LogOptions) -> Iterator[LoggedRun]:
    """Yield the runs of the log *path*. Read each run to its end before you ask for the next one.

    Raises:
        LogError: The log cannot be read, has an unknown format, or has no NLL.
    """
    options = replace(options, columns=Columns(options.columns.given))  # which then notes the columns of this log only
    outside: list[Refusal] = []  # lines that were refused before they could be assigned to a run
    with reading.open_log(path) as file:
        try:
            found = False
            format_name, items = detection.read_rows(file, options.columns, outside.append)
            numbered = split_into_runs(refuse_repeats(items), every=options.every)
            for number, group in itertools.groupby(numbered, key=itemgetter(0)):
                placed = place_running_means(spread_rounded(item for _, item in group))
                run = _begin(path, number, format_name, itertools.chain(placed, _taken(outside)), options)
                if run is None:
                    continue
                found = True
                yield run
        except LogError as error:
            raise LogError(f"{printable(str(path))}: {error}") from None
        if not found:
            raise LogError(_nothing_to_judge(path, format_name, options.columns))


def _begin(
    path: Path, number: int, format_name: str, items: Iterator[Row | Refusal], options: LogOptions
) -> LoggedRun | None:
    """Return the run of *items*, with weights fitted to its first rows, or None if these have no NLL."""
    start = list(itertools.islice(items, FITTED_ROWS))
    if not any("nll" in item.values for item in start if isinstance(item, Row)):
        start = list(_with_nll(start, options.weights))
        items = _with_nll(items, options.weights)
    rows = [item for item in start if isinstance(item, Row)]
    judged = [row for row in rows if "nll" in row.values]
    if not judged:
        return None
    kl_weight = common_kl_weight(rows, given=options.weights.get("kl"))
    used = [item for item in refuse_contradictions(rows, kl_weight=kl_weight) if isinstance(item, Row)]
    weights = LossWeights(options.weights) if options.weights.keys() & set(NLL_PARTS) else fit_weights(used)
    first = judged[0].step or 0
    run = LoggedRun(
        name=_name(path, number),
        file=printable(str(path)),
        format=format_name,
        weights=weights,
        kl_weight=kl_weight,
        start_step=first if first > RESUMED_FROM else None,
    )
    kept = refuse_contradictions(
        itertools.chain(start, items), kl_weight=kl_weight, weights=common_weights(used, weights.weights)
    )
    run.stretches = _counted(
        run, stretches(_used(run, refuse_misplaced(kept)), weights.weights, are_means=options.are_means)
    )
    return run


def _with_nll(items: Iterable[Row | Refusal], weights: Mapping[str, float]) -> Iterator[Row | Refusal]:
    """Yield *items* with the NLL of each row, computed from its parts if they have *weights*."""
    for item in map(partial(_with_validation_nll, weights=weights), items):
        nll = weighted_nll(item.values, weights) if isinstance(item, Row) else None
        if not isinstance(item, Row) or nll is None:
            yield item
            continue
        mean = weighted_nll({name: one.value for name, one in item.means.items()}, weights)
        half_digit = weighted_nll({name: one.half_digit for name, one in item.means.items()}, weights)
        means = {} if mean is None else {"nll": RunningMean(mean, half_digit)}
        yield replace(item, values={**item.values, "nll": nll}, means={**item.means, **means})


def _with_validation_nll(item: Row | Refusal, weights: Mapping[str, float]) -> Row | Refusal:
    nll = weighted_nll(item.validation, weights) if isinstance(item, Row) and "nll" not in item.validation else None
    return (
        item if nll is None or isinstance(item, Refusal) else replace(item, validation={**item.validation, "nll": nll})
    )


def _used(run: LoggedRun, items: Iterator[Row | Refusal]) -> Iterator[Row]:
    for item in items:
        if isinstance(item, Refusal):
            run.refuse(item)
            continue
        if not item.values:
            yield item
            continue
        step = item.step or 0
        run.first_step = step if run.first_step is None else min(run.first_step, step)
        run.steps_read += step != run.last_step
        run.last_step = step
        yield item


def _counted(run: LoggedRun, found: Iterator[Stretch]) -> Iterator[Stretch]:
    for stretch in found:
        run.by_median += stretch.by_median
        yield stretch


def _taken(refusals: list[Refusal]) -> Iterator[Refusal]:
    """Yield *refusals* and empty the list. It is read when the iteration starts, not before."""
    while refusals:
        yield refusals.pop(0)


def _name(path: Path, number: int) -> str:
    stem = "log" if path == reading.STDIN else path.name
    for suffix in (".gz", ".bz2", ".xz", ".log", ".txt", ".csv", ".jsonl", ".json", ".tsv", ".out"):
        stem = stem.removesuffix(suffix)
    printable = "".join(letter if letter.isprintable() else "-" for letter in stem)[:150] or "log"
    return printable if number == 0 else f"{printable}-{number + 1}"


def _nothing_to_judge(path: Path, format_name: str, columns: Columns) -> str:
    return f"{printable(str(path))}: the format is {format_name}, but no row has a usable NLL. {mapping_hint(columns)}"
