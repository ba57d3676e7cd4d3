"""Parse the lines of the MetricLogger of DeiT and MAE, which other trainers, such as Pyramid-Flow, have copied.

    Epoch: [0]  [ 560/2000]  eta: 1:06:21  lr: 0.000028  nll_loss: 0.5065 (0.2875)  time: 2.7189  max mem: 31382

Each value is the median of the last 20 steps, followed in parentheses by the mean since the start of the epoch. A
terminal may have wrapped such a line, cut it, or joined it with another.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.rows import BAD_STEP, CUT_SHORT, NO_STEP, Line, Refusal, Row, running_mean, shown
from vae_exporter.log_names import TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "Epoch: [0]  [ 560/2000]  eta: 1:06:21  lr: 0.000028  vae_loss: 0.5123 (0.3012)  nll_loss: 0.5065 (0.2875)"

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf|NaN|Inf)"

_PLACE = re.compile(r"\[\s*(?P<index>\d{1,18})\s*/\s*(?P<total>\d{1,18})\s*\]")
_BEFORE_PLACE = re.compile(r"(?P<title>[A-Za-z][\w .-]{0,40})?:?\s*(?:\[\s*(?P<epoch>\d{1,12})\s*\])?\s*$")
_MAX_BEFORE = 80
_NAME = r"[A-Za-z_][\w/.-]*(?: [A-Za-z_][\w/.-]{0,60}){0,4}"
_PAIR = re.compile(rf"({_NAME}):\s*({_NUMBER})(?![\w.:])(?:\s*\(({_NUMBER})\)|(?!\s*\())")  # name, value, mean
_FRAGMENT = re.compile(r"[\w/.:()+\s-]*")
_A_MEAN = re.compile(r"\d\)|:\s+\d")

_EVALUATION = re.compile(r"test|val|eval", re.IGNORECASE)

_NEVER_WITHOUT_EPOCH = ("epoch", "step")
"""Titles before the bracket of an index."""

_SUMMARY = "Averaged stats:"
"""The start of the line at the end of an epoch. It only repeats values of the rows."""

_STOPPED = re.compile(r"(?P<gan>discriminator )?Loss is (?P<value>nan|-?inf), stopping training", re.IGNORECASE)
"""What these trainers print about a non-finite loss before they exit without a row for it."""

OFTEN = 20
"""A layout that is the beginning of another is complete, not cut, if it occurs in at least every 20th row."""

_SAMPLE_ROWS = 200
_MAX_PARTS = 12
_MAX_LAYOUTS = 64
_STEP_TIME = "time"  # the logger's column for the seconds per step, not the time of day


@dataclass(frozen=True)
class _Header:
    """The epoch and index at the beginning of a printed line, from *start* to *end* in its text."""

    start: int
    end: int
    title: str
    epoch: int | None
    index: int
    total: int


@dataclass(frozen=True)
class _Printed:
    """One printed line with its values, before its layout is compared with that of other lines."""

    line: Line
    epoch: int | None
    index: int
    total: int
    pairs: list[tuple[str, str, str]]  # name, value, mean; the mean is empty if there is none
    is_joined: bool  # whether another one begins in the same line

    @property
    def layout(self) -> tuple[str, ...]:
        return tuple([key for key, _, _ in self.pairs])

    @property
    def shape(self) -> tuple[str, ...]:
        """The layout, with means marked. A row whose mean was separated from its value has another shape."""
        return tuple([f"{key}()" if mean else key for key, _, mean in self.pairs])


@dataclass(frozen=True)
class _Stopped:
    """The message of a trainer that stops because the loss *component* is *value*."""

    line: Line
    component: str
    value: float


def looks(text: str) -> bool:
    """Return whether *text* is a line of a MetricLogger. ``Epoch [1/15]`` begins that of another logger."""
    headers = list(_headers(text))
    is_other = any(found.epoch is None and found.title.lower().endswith(_NEVER_WITHOUT_EPOCH) for found in headers)
    return bool(headers) and not is_other and _PAIR.search(text) is not None


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the rows of *lines*. A row whose columns differ from those of the others was cut or spliced."""
    last: Row | None = None
    for item in _rows(lines, columns):
        if not isinstance(item, _Stopped):
            last = item if isinstance(item, Row) else last
            yield item
        elif last is not None:  # only once, though each rank may print it
            yield _row_after(last, item)
            last = None


def _rows(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal | _Stopped]:
    usual = _UsualLayouts()
    waiting: list[_Printed | Refusal | _Stopped] = []
    for printed in _printed(lines):
        waiting.append(printed)
        if isinstance(printed, _Printed) and not (printed.is_joined and usual.is_part(printed.shape)):
            usual.count(printed.shape)
        if len(waiting) >= _SAMPLE_ROWS:
            yield from _finished(waiting, usual, columns)
            waiting.clear()
    yield from _finished(waiting, usual, columns)


def _finished(
    waiting: Iterable[_Printed | Refusal | _Stopped], usual: _UsualLayouts, columns: Columns
) -> Iterator[Row | Refusal | _Stopped]:
    for item in waiting:
        finished = _row(item, usual, columns) if isinstance(item, _Printed) else item
        if finished is not None:
            yield finished


class _UsualLayouts:
    """The layouts of the rows of a log, with their counts.

    A layout is usual if it is common, or if it occurs at least twice and is not the beginning of a more common one.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()

    def count(self, layout: tuple[str, ...]) -> None:
        if len(self._counts) >= _MAX_LAYOUTS and layout not in self._counts:
            del self._counts[min(self._counts, key=self._counts.__getitem__)]
        self._counts[layout] += 1

    def fits(self, layout: tuple[str, ...]) -> bool:
        if _repeats(layout):
            return False
        most = max(self._counts.values())
        count = self._counts[layout]
        # If no layout repeats, the one with the most columns is complete, since a cut one has fewer.
        if most == 1:
            return len(layout) == max(len(other) for other in self._counts if not _repeats(other))
        if count == most or (count > 1 and (not self.is_part(layout) or OFTEN * count > most)):
            return True
        return self._has_all(layout)

    def _has_all(self, layout: tuple[str, ...]) -> bool:
        """Return whether *layout* has all columns of the most common one, in order. It may have others as well."""
        columns = iter(layout)
        return all(column in columns for column in max(self._counts, key=self._counts.__getitem__))

    def is_part(self, layout: tuple[str, ...]) -> bool:
        """Return whether *layout* is the beginning of a more common one."""
        return any(
            other[: len(layout)] == layout and len(other) > len(layout) and count > self._counts[layout]
            for other, count in self._counts.items()
        )


def _repeats(layout: tuple[str, ...]) -> bool:
    """Return whether a name occurs twice in *layout*, with or without a mean."""
    return len({name.removesuffix("()") for name in layout}) < len(layout)


def _printed(lines: Iterable[Line]) -> Iterator[_Printed | Refusal | _Stopped]:
    for parts in _records(lines):
        yield from _split(parts)
        found = _STOPPED.search(parts[-1].text)
        if found is not None:
            yield _Stopped(parts[-1], "discriminator" if found["gan"] else "total", float(found["value"]))


def _records(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield each line together with the lines that a terminal wrapped off it."""
    record: list[Line] = []
    for line in lines:
        if record and len(record) < _MAX_PARTS and _continues(record, line):
            record.append(line)
            continue
        if record:
            yield record
        record = [line]
    if record:
        yield record


def _continues(record: list[Line], line: Line) -> bool:
    """Return whether *line* was wrapped off *record*. All parts of a wrapped line but the last have the same width."""
    text = line.text
    return (
        len(record[-1].text) == len(record[0].text)
        and 0 < len(text) <= len(record[0].text)
        and any(_headers(record[0].text))
        and not any(_headers(text))
        and _FRAGMENT.fullmatch(text) is not None
        and _A_MEAN.search(text) is not None
        and not _names(text)
        & set().union(*(_names(part.text) for part in record))  # a repeated name belongs to another line
    )


def _names(text: str) -> set[str]:
    """Return the names in *text*, except one at its start, which may be cut."""
    return {found[1] for found in _PAIR.finditer(text) if found.start()}


def _split(record: list[Line]) -> Iterator[_Printed | Refusal]:
    """Yield the printed lines of a record. Two headers in one line are two lines that were joined."""
    line = Line(record[0].number, "".join(part.text for part in record)) if len(record) > 1 else record[0]
    headers = list(_headers(line.text))
    if not headers:
        if "(" in line.text and _SUMMARY not in line.text and len(_PAIR.findall(line.text)) > 1:
            yield Refusal(line.number, NO_STEP, shown(line.text))
        return
    for found, following in zip(headers, [*headers[1:], None], strict=True):
        if _EVALUATION.search(found.title):
            continue
        end = len(line.text) if following is None else following.start
        piece = Line(line.number, line.text[found.start : end] if len(headers) > 1 else line.text)
        pairs = _PAIR.findall(line.text, found.end, end)
        if pairs:
            yield _Printed(piece, found.epoch, found.index, found.total, pairs, is_joined=following is not None)
        elif found.epoch is not None:
            yield Refusal(line.number, CUT_SHORT, shown(piece.text), "no values")


def _headers(text: str) -> Iterator[_Header]:
    """Yield the headers in *text*. Search for the bracketed index first, because brackets are rare elsewhere."""
    if "[" not in text:
        return
    for place in _PLACE.finditer(text):
        before = _BEFORE_PLACE.search(text, max(0, place.start() - _MAX_BEFORE), place.start())
        if before is not None and (before["title"] or before["epoch"]):
            epoch = None if before["epoch"] is None else int(before["epoch"])
            yield _Header(
                before.start(),
                place.end(),
                (before["title"] or "").rstrip(),
                epoch,
                int(place["index"]),
                int(place["total"]),
            )


def _row_after(last: Row, stopped: _Stopped) -> Row:
    """Return the row that the trainer did not print. Its step is taken to be the one after *last*."""
    return Row(
        line=stopped.line.number,
        text=shown(stopped.line.text),
        step=(last.step or 0) + 1,
        values={stopped.component: stopped.value},
        epoch=last.epoch,
        epoch_index=(last.epoch_index or 0) + 1,
    )


def _row(printed: _Printed, usual: _UsualLayouts, columns: Columns) -> Row | Refusal | None:
    line, text = printed.line.number, shown(printed.line.text)
    if printed.index > printed.total:
        return Refusal(line, BAD_STEP, text, f"{printed.index} of {printed.total}")
    if not usual.fits(printed.shape):
        why = "two in one line" if printed.is_joined else "its columns differ from the other lines"
        return Refusal(line, CUT_SHORT, text, why)
    figures = {key: (value, mean) for key, value, mean in printed.pairs}
    columns.note(figures)
    found = {name: figures[key] for name, key in columns.of(printed.layout).items() if name != TIME}
    if not has_losses(found):
        return None
    return Row(
        line=line,
        text=text,
        step=(printed.epoch or 0) * printed.total + printed.index,
        values={name: float(value) for name, (value, _) in found.items()},
        means={name: running_mean(mean) for name, (_, mean) in found.items() if mean},
        epoch=printed.epoch,
        epoch_index=printed.index,
        step_seconds=float(figures[_STEP_TIME][0]) if _STEP_TIME in figures else None,
    )
