"""Parse text with labelled numbers: lines, progress bars of tqdm and accelerate, and blocks of one value per line.

    step 100, recon_loss: 0.0312, lpips: 0.1945
    Epoch 2:  12%|#2        | 120/1000 [00:30<03:40,  4.00it/s, nll_loss=0.31, kl_loss=1520]

A row begins where a line has another step or epoch, or repeats a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.formats.labels import (
    MAX_TEXT,
    labelled,
    labelled_with_means,
    scaled,
    split_of_heading,
)
from vae_exporter.judge.logs.rows import BAD_STEP, Line, Refusal, Row, running_mean, shown, whole
from vae_exporter.log_names import STEP, TIME, meaning
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "step 560, nll_loss: 0.5065, rec_loss: 0.0312  (or nll_loss=0.5065 in a progress bar)"

_STEP_PRINTED = re.compile(
    r"(?<!\w)(?:global[ _])?(?:step|iter|iteration|it)s?\s*[:=#]?\s*\[?\s*"
    r"(?P<step>\d{1,3}(?:,\d{3}){1,5}|\d{1,18}(?:\.\d{1,9})?)(?P<unit>[kKmM])?(?![\w%]|\.\d)",
    re.IGNORECASE,
)

_EPOCH_PRINTED = re.compile(
    r"(?<!\w)epochs?\s*[:=#]?\s*\[?\s*(?P<epoch>\d{1,9})(?![\w.]*\w)(?:\s*/\s*\d+)?\]?", re.IGNORECASE
)
_BAR = re.compile(r"\|\s*(?P<index>\d{1,18})/(?P<total>\d{1,18})\s*\[")
_IN_EPOCH = re.compile(
    r"(?:\[|batch(?:es)?\s*[:=#]?\s*\[?)\s*(?P<index>\d{1,18})\s*/\s*(?P<total>\d{1,18})", re.IGNORECASE
)

_BRACKETED = re.compile(
    r"\[\s*(?P<epoch>\d{1,9})\s*/\s*\d+\s*\]\s*\[\s*(?P<index>\d{1,18})\s*/\s*(?P<total>\d{1,18})\s*\]"
)
_ALONE = re.compile(r"(?:\[|(?:\]|INFO|-):?\s+)\s*(?P<index>\d{1,18})\s*/\s*(?P<total>\d{2,18})(?![\w/.-])")
"""A step and the number of steps, without a word: ``[  40/2000 (  2%)]`` or ``INFO: 40/2000:``."""

_PLACES = (STEP, TIME, "epoch")
"""Values that say where a row belongs. They do not begin another row by being repeated."""

_MEAN_BEHIND = re.compile(r":\s*[-+.\w]+\s+\([-+.\w]+\)")
"""A value with a running mean, which a terminal may have wrapped off the line of a MetricLogger."""

_BEGINNINGS = (_STEP_PRINTED, _EPOCH_PRINTED, _BRACKETED, _ALONE)
"""What a line that was wrapped off another does not have."""

_ALMOST = 0.9
"""A progress bar that goes back after this share of its length begins the next epoch."""


@dataclass
class _Reading:
    """The values of one line, or of the lines that make up a row."""

    line: Line
    figures: dict[str, float] = field(default_factory=dict)
    means: dict[str, str] = field(default_factory=dict)
    step: int | None = None
    epoch: int | None = None

    def continues(self, other: _Reading) -> bool:
        """Return whether *other* belongs to the same row."""
        return (
            (other.step is None or self.step in (None, other.step))
            and (other.epoch is None or self.epoch in (None, other.epoch))
            and not self.figures.keys() & other.figures.keys()
        )

    def add(self, other: _Reading) -> None:
        self.figures.update(other.figures)
        self.means.update(other.means)
        self.step = self.step if other.step is None else other.step
        self.epoch = self.epoch if other.epoch is None else other.epoch


class _Epochs:
    """The steps of lines that count within each epoch."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._bars = 0
        self._last = (0, 0)

    def step(self, epoch: int, index: int, total: int) -> int:
        """Return the step of *index* in *epoch*. Epochs count from 0 or from 1."""
        if self._first is None:
            self._first = min(epoch, 1)
        return (epoch - self._first) * total + index

    def step_of_bar(self, index: int, total: int) -> int:
        """Return the step of a progress bar that does not show its epoch."""
        last, last_total = self._last
        if total == last_total and index < last and last >= _ALMOST * total:
            self._bars += 1
        self._last = (index, total)
        return self._bars * total + index


def looks(text: str, columns: Columns) -> bool:
    """Return whether *text* has a labelled loss, of a known name or of one that the user mapped."""
    if _MEAN_BEHIND.search(text, 0, MAX_TEXT) and not any(pattern.search(text, 0, MAX_TEXT) for pattern in _BEGINNINGS):
        return False
    labels = [label for label, _ in labelled(text)]
    known = (meaning(label) for label in labels)
    return has_losses(columns.of(labels)) or any(one is not None and one.value in COMPONENTS for one in known)


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the rows of *lines* that have losses."""
    before: Row | None = None
    for reading in _readings(lines, columns):
        row = _row(reading, columns)
        if isinstance(row, Row) and row.values:
            if before is not None and (row.step, row.values) == (before.step, before.values) and row.step is not None:
                continue  # a progress bar that was drawn again
            before = row
        if row is not None:
            yield row


def _readings(lines: Iterable[Line], columns: Columns) -> Iterator[_Reading]:
    """Join the lines that make up a row."""
    row: _Reading | None = None
    split = ""
    is_new_block = False  # whether the heading of the block has no values below it yet
    epochs = _Epochs()
    for line in lines:
        heading = split_of_heading(line.text)
        if heading:
            split, is_new_block = heading, True
        found = _reading(line, split, columns, epochs)
        if row is not None and not row.continues(found):
            yield row
            row = None
            if split and not is_new_block:  # not all logs have a heading where the training continues
                split = ""
                found = _reading(line, split, columns, epochs)
        is_new_block = is_new_block and not found.figures
        if row is not None:
            row.add(found)
        elif found.figures or found.step is not None or found.epoch is not None:
            row = found
    if row is not None:
        yield row


def _reading(line: Line, split: str, columns: Columns, epochs: _Epochs) -> _Reading:
    pairs = list(labelled_with_means(line.text, split))
    columns.note(label for label, *_ in pairs)
    mapped = {name.strip().lower() for name in columns.given.values()}
    figures = {  # of two with one label, the first
        label: figure for label, figure, _ in reversed(pairs) if meaning(label) is not None or label.lower() in mapped
    }
    found = columns.of(figures)
    places = {value: found[value] for value in _PLACES if value in found}
    kept = {key: figures[key] for key in figures if key not in places.values() and not _is_place(key)}
    reading = _Reading(line, kept, {label: mean for label, _, mean in reversed(pairs) if mean and label in kept})
    if STEP in places:
        reading.step = whole(figures[places[STEP]])
    if "epoch" in places:
        reading.epoch = whole(figures[places["epoch"]])
    _place(reading, epochs)
    return reading


def _is_place(label: str) -> bool:
    known = meaning(label)
    return known is not None and known.value in _PLACES


def _place(reading: _Reading, epochs: _Epochs) -> None:
    """Find the step and the epoch of a line that are not labelled as such, or that count within the epoch."""
    text = reading.line.text[:MAX_TEXT]
    epoch = _EPOCH_PRINTED.search(text)
    if reading.epoch is None and epoch is not None:
        reading.epoch = int(epoch["epoch"])
    if reading.step is not None:
        return
    both = _BRACKETED.search(text)
    if both is not None and reading.epoch is None:
        reading.epoch = int(both["epoch"])
    bar = _BAR.search(text)
    inside = bar or both or (None if epoch is None else _IN_EPOCH.search(text, epoch.end()))
    printed = _STEP_PRINTED.search(text)
    alone = bar or _ALONE.search(text)
    if inside is not None and reading.epoch is not None:
        reading.step = epochs.step(reading.epoch, int(inside["index"]), int(inside["total"]))
    elif printed is not None and bar is None:
        reading.step = whole(scaled(printed["step"], printed["unit"]))
    elif alone is not None:
        reading.step = epochs.step_of_bar(int(alone["index"]), int(alone["total"]))


def _row(reading: _Reading, columns: Columns) -> Row | Refusal | None:
    values, validation = columns.pick(reading.figures), columns.pick_validation(reading.figures)
    text = shown(reading.line.text)
    if not has_losses(values):
        return Row(reading.line.number, text, None, {}, validation=validation) if validation else None
    if reading.step is not None and whole(reading.step) is None:
        return Refusal(reading.line.number, BAD_STEP, text, f"step {reading.step}")
    if reading.epoch is not None:
        values["epoch"] = float(reading.epoch)
    means = {
        value: running_mean(reading.means[label])
        for value, label in columns.of(reading.figures).items()
        if value in COMPONENTS and label in reading.means
    }
    return Row(reading.line.number, text, reading.step, values, means, epoch=reading.epoch, validation=validation)
