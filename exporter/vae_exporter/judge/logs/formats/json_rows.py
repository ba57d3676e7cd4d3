"""Find the rows in a JSON value: an object, an array of them, or an object that has such an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.formats.table import moment
from vae_exporter.judge.logs.rows import BAD_NUMBER, BAD_STEP, Line, Refusal, Row, number, shown, whole
from vae_exporter.log_names import MAX_DEPTH, STEP, TIME, flat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vae_exporter.judge.logs.columns import Columns


def rows(line: Line, found: object, columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the rows of the JSON value *found*, which begins at *line*."""
    whole_row = _row(line, found, columns) if isinstance(found, dict) else None
    if isinstance(whole_row, Row) and whole_row.step is not None:
        yield whole_row
        return
    for one in _objects(found):
        row = whole_row if one is found else _row(Line(line.number, str(one)), one, columns)
        if row is not None:
            yield row


def _objects(found: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects that may be rows: those in arrays, such as transformers' ``log_history``, or else *found*."""
    if depth > MAX_DEPTH:
        return
    if isinstance(found, list):
        for one in found:
            yield from _objects(one, depth + 1)
    elif isinstance(found, dict):
        inner = [value for value in found.values() if _has_objects(value)]
        if not inner:
            yield found
        for value in inner:
            yield from _objects(value, depth + 1)


def _has_objects(value: object, depth: int = 0) -> bool:
    """Return whether *value* is an array of objects, or one of such arrays."""
    if not isinstance(value, list) or depth > MAX_DEPTH:
        return False
    return any(isinstance(one, dict) or _has_objects(one, depth + 1) for one in value)


def _row(line: Line, found: Mapping[str, Any], columns: Columns) -> Row | Refusal | None:
    entries = dict(flat(found))
    picked, validation = columns.pick(entries), columns.pick_validation(entries)
    text = shown(line.text)
    step = None
    if picked.get(STEP) is not None:
        step = whole(_figure(picked[STEP]))
        if step is None:
            return Refusal(line.number, BAD_STEP, text, f"step {picked[STEP]!r:.40}")
    given = {name: value for name, value in picked.items() if name not in (STEP, TIME) and value is not None}
    values = {name: figure for name, value in given.items() if (figure := _figure(value)) is not None}
    if not has_losses(given):
        return Row(line.number, text, None, {}, validation=validation) if validation else None
    if not has_losses(values):
        return Refusal(line.number, BAD_NUMBER, text)
    seconds = moment(str(picked.get(TIME, "")))
    return Row(
        line.number, text, step, values, epoch=whole(values.get("epoch")), seconds=seconds, validation=validation
    )


def _figure(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):  # some trainers write floats, especially "NaN", as strings
        return number(str(value))
    return None
