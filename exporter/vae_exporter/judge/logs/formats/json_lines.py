"""Parse JSON Lines, or a JSON array with one object per line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vae_exporter.judge.logs.columns import has_losses
from vae_exporter.judge.logs.formats.table import moment
from vae_exporter.judge.logs.rows import BAD_NUMBER, BAD_STEP, CUT_SHORT, Line, Refusal, Row, number, shown, whole
from vae_exporter.log_names import STEP, TIME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = '{"step": 560, "nll_loss": 0.5065, "rec_loss": 0.0312, "perception_loss": 0.1945}'

_MAX_DEPTH = 4


def looks(text: str) -> bool:
    """Return whether *text* is a JSON object with a number in it."""
    text = _object(text)
    if not (text.startswith("{") and text.endswith("}") and '"' in text):
        return False
    found = _load(text)
    return found is not None and any(isinstance(value, int | float) for value in found.values())


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield a row for each object in *lines* that has losses. Other objects are ignored."""
    for line in lines:
        text = _object(line.text)
        if not text.startswith("{"):
            continue
        found = _load(text)
        if found is None:
            yield Refusal(line.number, CUT_SHORT, shown(text), "not a JSON object")
            continue
        row = _row(line, columns.pick(found))
        if row is not None:
            yield row


def _row(line: Line, found: Mapping[str, Any]) -> Row | Refusal | None:
    text = shown(line.text)
    step = None
    if found.get(STEP) is not None:
        step = whole(_figure(found[STEP]))
        if step is None:
            return Refusal(line.number, BAD_STEP, text, f"step {found[STEP]!r:.40}")
    given = {name: value for name, value in found.items() if name not in (STEP, TIME) and value is not None}
    values = {name: figure for name, value in given.items() if (figure := _figure(value)) is not None}
    if not has_losses(given):
        return None
    if not has_losses(values):
        return Refusal(line.number, BAD_NUMBER, text)
    return Row(
        line.number, text, step, values, epoch=whole(values.get("epoch")), seconds=moment(str(found.get(TIME, "")))
    )


def _figure(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | str):  # some trainers write floats, especially "NaN", as strings
        return number(str(value))
    return None


def _object(text: str) -> str:
    """Strip the brackets and commas of a surrounding JSON array from *text*."""
    text = text.strip()
    return text.removeprefix("[").rstrip().removesuffix("]").rstrip().removesuffix(",").strip() if text else text


def _load(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return dict(_flat(found)) if isinstance(found, dict) else None


def _flat(found: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of *found*. Those of nested objects are named ``outer/inner``."""
    for name, value in found.items():
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            yield from _flat(value, f"{prefix}{name}/", depth + 1)
        else:
            yield f"{prefix}{name}", value
