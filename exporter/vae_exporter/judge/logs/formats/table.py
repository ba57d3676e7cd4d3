"""Parse CSV with a header and commas, semicolons or tabs. Cells may be empty, as in Lightning's metrics.csv."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.rows import (
    BAD_NUMBER,
    BAD_STEP,
    CUT_SHORT,
    Line,
    Refusal,
    Row,
    number,
    running_mean,
    shown,
    whole,
)
from vae_exporter.log_names import STEP, TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "step,nll_loss,rec_loss,perception_loss,kl_loss,vae_loss (followed by rows of numbers)"

DELIMITERS = (",", "\t", ";")

_MAX_FIELD = 1 << 17

_AFTER_RUN = " - "

_DECIMAL_COMMA = re.compile(r"([-+]?\d+),(\d+(?:[eE][-+]?\d+)?)")
"""A number with a decimal comma, as in many European spreadsheets, which do not separate cells by commas."""


def looks(text: str, following: str) -> bool:
    """Return whether *text* is a header and *following* is a row of numbers."""
    delimiter = _delimiter(text)
    if delimiter is None or len(text) > _MAX_FIELD or len(following) > _MAX_FIELD:
        return False
    names, cells = _cells(text, delimiter), _cells(following, delimiter)
    filled = [cell for cell in cells if cell.strip()]
    figures = sum(number(cell) is not None for cell in filled)
    return (
        len(names) == len(cells)
        and all(number(name) is None for name in names)
        and figures >= 1
        and 2 * figures >= len(filled)
    )


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the rows below each header in *lines*. A new header, as in a second paste, replaces the one before."""
    delimiter: str | None = None
    names: Sequence[str] = ()
    previous: Line | None = None
    for line in lines:
        if previous is not None and _is_header(previous.text, line.text, names, delimiter, columns):
            delimiter = _delimiter(previous.text)
            names = names_of(previous.text)
        elif previous is not None and delimiter is not None and previous.text.strip():
            row = _row(previous, names, delimiter, columns)
            if row is not None:
                yield row
        previous = line
    if previous is not None and delimiter is not None and previous.text.strip():
        row = _row(previous, names, delimiter, columns)
        if row is not None:
            yield row


def moment(text: str) -> float | None:
    """Parse *text*, a number of seconds or an ISO 8601 time, into seconds. Return None if it is neither."""
    seconds = number(text)
    if seconds is not None or not text:
        return seconds
    try:
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def _is_header(text: str, following: str, names: Sequence[str], delimiter: str | None, columns: Columns) -> bool:
    if delimiter is not None and names_of(text) == names:
        return True
    if not looks(text, following):
        return False
    if columns.of(names_of(text)):
        return True
    cells = _cells(following, _delimiter(text) or ",")
    columns.note(name for name, cell in zip(names_of(text), cells, strict=True) if number(cell) is not None)
    return False


def _row(line: Line, names: Sequence[str], delimiter: str, columns: Columns) -> Row | Refusal | None:
    text = shown(line.text)
    cells = _cells(line.text, delimiter)
    if cells == list(names) or names_of(line.text) == list(names):
        return None
    if len(cells) != len(names):
        if not any(number(cell) is not None for cell in cells):
            return None  # a comment
        return Refusal(line.number, CUT_SHORT, text, f"{len(cells)} cells below {len(names)} names")
    first: dict[str, str] = {}  # of two columns with the same name: some exports repeat the step
    for name, cell in zip(names, cells, strict=True):
        first.setdefault(name, cell)
    found = columns.pick(first)
    row = _row_of(
        line.number,
        text,
        {name: cell for name, cell in found.items() if cell.strip()},
        columns.pick_validation(first),
    )
    if not isinstance(row, Row):
        return row
    means = {name: cell for name, cell in columns.pick_means(first).items() if name in row.values}
    return replace(row, means={name: running_mean(cell) for name, cell in means.items() if number(cell) is not None})


def _row_of(line: int, text: str, found: Mapping[str, str], validation: Mapping[str, float]) -> Row | Refusal | None:
    figures = {name: number(cell) for name, cell in found.items() if name != TIME}
    if not has_losses(figures):
        return Row(line, text, None, {}, validation=validation) if validation else None
    odd = next((name for name, figure in figures.items() if figure is None), None)
    if odd is not None:
        return Refusal(line, BAD_NUMBER, text, f"{odd}: {found[odd]!r:.40}")
    values = {name: figure for name, figure in figures.items() if figure is not None}
    step = None
    if STEP in values:
        step = whole(values.pop(STEP))
        if step is None:
            return Refusal(line, BAD_STEP, text, f"step {found[STEP]!r:.40}")
    return Row(
        line,
        text,
        step,
        values,
        epoch=whole(values.get("epoch")),
        seconds=moment(found.get(TIME, "")),
        validation=validation,
    )


def _cells(text: str, delimiter: str) -> list[str]:
    """Return the cells of a line, or none if a cell is longer than the csv module accepts."""
    try:
        found = next(csv.reader([text], delimiter=delimiter), []) if '"' in text else text.split(delimiter)
    except csv.Error:
        return []
    cells = [cell.strip() for cell in found]
    if delimiter == "," or "," not in text:
        return cells
    return [_DECIMAL_COMMA.sub(r"\1.\2", cell) if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]


def _delimiter(header: str) -> str | None:
    counts = {delimiter: header.count(delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None


def names_of(header: str) -> list[str]:
    """Return the column names in *header*, without the run's name that W&B puts before each: ``run-1 - nll_loss``.

    If the table has several runs, their names are kept, so that the columns can be told apart.
    """
    names = _cells(header, _delimiter(header) or ",")
    runs = {run for name in names for run, dash, _ in [name.partition(_AFTER_RUN)] if dash}
    return names if len(runs) != 1 else [name.removeprefix(f"{next(iter(runs))}{_AFTER_RUN}") for name in names]
