"""The runs of a log, one after another, while it is read."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError
from vae_exporter.judge.logs import detection, reading
from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.repair.contradictions import common_kl_weight, common_weights, refuse_contradictions
from vae_exporter.judge.logs.repair.means import stretches
from vae_exporter.judge.logs.repair.misplaced import refuse_misplaced
from vae_exporter.judge.logs.repair.repeats import refuse_repeats
from vae_exporter.judge.logs.repair.weights import LossWeights, fit_weights
from vae_exporter.judge.logs.rows import Refusal, Row, shown
from vae_exporter.judge.logs.runs import split_into_runs
from vae_exporter.vocabulary import NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from vae_exporter.judge.logs.repair.means import Stretch

FITTED_ROWS = 512
"""So many rows of a run's beginning tell its weights."""

MAX_SHOWN_REFUSALS = 10_000
"""So many refused lines of a run are kept to be shown; all are counted."""

RESUMED_FROM = 100
"""A log that begins above this step is of a run that went on from a checkpoint, or was cut at its start."""


@dataclass(frozen=True)
class LogOptions:
    """What the user says of the logs: names of columns, weights, and how many steps a row without a step stands for."""

    columns: Columns = field(default_factory=Columns)
    weights: Mapping[str, float] = field(default_factory=dict)
    every: int = 1


@dataclass
class LoggedRun:
    """One run of a log. What is counted grows while its *stretches* are read.

    Args:
        name: the file's name, with a number from the second run on.
        file: the file as the user named it.
        format: the name of the log's format.
        weights: of the loss, given or fitted.
        kl_weight: by which the total adds up; None where it does not.
        start_step: the step that it goes on from; None for a run from its beginning.
        stretches: what it says of its steps; read once.
        steps_read: the rows that were used.
        by_median: those of them in which medians stand for means.
        refused: how many lines were refused, by reason.
        refusals: the first `MAX_SHOWN_REFUSALS` of them.
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
        """All weights that are known, the KL's among them."""
        return {**({} if self.kl_weight is None else {"kl": self.kl_weight}), **self.weights.weights}

    def refuse(self, refusal: Refusal) -> None:
        """Count *refusal*."""
        self.refused[refusal.reason] += 1
        if len(self.refusals) < MAX_SHOWN_REFUSALS:
            self.refusals.append(refusal)


def read_runs(path: Path, options: LogOptions) -> Iterator[LoggedRun]:
    """Yield the runs of the log *path*. Each is to be read to its end before the next one.

    Raises:
        LogError: it cannot be read, has no known format, or nothing in it can be judged.
    """
    outside: list[Refusal] = []  # refused by the reader, and by the parsers before the first run
    with reading.open_log(path) as file:
        try:
            found = False
            format_name, items = detection.read_rows(file, options.columns, outside.append)
            numbered = split_into_runs(refuse_repeats(items), every=options.every)
            for number, group in itertools.groupby(numbered, key=itemgetter(0)):
                items_of_run = itertools.chain((item for _, item in group), _taken(outside))
                run = _begin(path, number, format_name, items_of_run, options)
                if run is None:
                    continue
                found = True
                yield run
        except LogError as error:
            raise LogError(f"{path}: {error}") from None
        if not found:
            raise LogError(_nothing_to_judge(path, format_name, options.columns.named()))


def _begin(
    path: Path, number: int, format_name: str, items: Iterator[Row | Refusal], options: LogOptions
) -> LoggedRun | None:
    """Return the run of *items*, its weights fitted to its first rows; None where it has no row with an NLL."""
    start = list(itertools.islice(items, FITTED_ROWS))
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
        file=str(path),
        format=format_name,
        weights=weights,
        kl_weight=kl_weight,
        start_step=first if first > RESUMED_FROM else None,
    )
    kept = refuse_contradictions(
        itertools.chain(start, items), kl_weight=kl_weight, weights=common_weights(used, weights.weights)
    )
    run.stretches = _counted(run, stretches(_used(run, refuse_misplaced(kept)), weights.weights))
    return run


def _used(run: LoggedRun, items: Iterator[Row | Refusal]) -> Iterator[Row]:
    for item in items:
        if isinstance(item, Refusal):
            run.refuse(item)
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
    """Yield and forget *refusals*, whatever they are once this is asked for."""
    while refusals:
        yield refusals.pop(0)


def _name(path: Path, number: int) -> str:
    stem = "log" if path == reading.STDIN else path.name
    for suffix in (".gz", ".bz2", ".xz", ".log", ".txt", ".csv", ".jsonl", ".json", ".tsv", ".out"):
        stem = stem.removesuffix(suffix)
    printable = "".join(letter if letter.isprintable() else "-" for letter in stem)[:150] or "log"
    return printable if number == 0 else f"{printable}-{number + 1}"


def _nothing_to_judge(path: Path, format_name: str, names: list[str]) -> str:
    columns = f": its columns are {shown(', '.join(names))}" if names else ""
    return (
        f"{path}: it looks like {format_name}, and no row of it has an NLL that can be used{columns}\n"
        "If the NLL has another name there, give it: --map nll=COLUMN"
    )
