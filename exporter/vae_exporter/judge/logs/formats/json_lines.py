"""Parse JSON Lines, a JSON array with one object per line, or a document in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vae_exporter.judge.logs.formats import json_rows
from vae_exporter.judge.logs.rows import CUT_SHORT, Line, Refusal, Row, shown
from vae_exporter.log_names import flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = '{"step": 560, "nll_loss": 0.5065, "rec_loss": 0.0312, "perception_loss": 0.1945}'


def looks(text: str) -> bool:
    """Return whether *text* is a JSON object with a number in it, or an array of objects."""
    text = text.strip()
    if not (text.startswith(("{", "[")) and text.rstrip(",").endswith(("}", "]")) and '"' in text):
        return False
    found = _load(text)
    if isinstance(found, list):
        return any(isinstance(one, dict) for one in found)
    return found is not None and any(isinstance(value, int | float | list) for _, value in flat(found))


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield a row for each object in *lines* that has losses. Other objects are ignored."""
    for line in lines:
        text = line.text.strip()
        if not text.startswith(("{", "[")) or text == "[":
            continue
        found = _load(text)
        if found is not None:
            yield from json_rows.rows(line, found, columns)
        elif _object(text).startswith("{"):
            yield Refusal(line.number, CUT_SHORT, shown(text), "not a JSON object")


def _object(text: str) -> str:
    """Strip the brackets and commas of a surrounding JSON array from *text*."""
    return text.removeprefix("[").rstrip().removesuffix("]").rstrip().removesuffix(",").strip()


def _load(text: str) -> dict[str, Any] | list[Any] | None:
    for tried in (text, _object(text)):
        try:
            found = json.loads(tried)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict | list):
            return found
    return None
