"""Parse JSON documents of many lines, such as pretty-printed objects and the trainer_state.json of transformers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.formats import json_rows
from vae_exporter.judge.logs.rows import CUT_SHORT, TOO_LONG, TRUNCATED, Line, Refusal, Row, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

EXAMPLE = "trainer_state.json, or other JSON of many lines"

MAX_CHARACTERS = 1 << 26
"""The longest document that is read. It is kept in memory."""

_OPENING, _CLOSING = frozenset("{["), frozenset("}]")


def looks(text: str, following: str) -> bool:
    """Return whether *text* opens a JSON object, and *following* is its first member."""
    return text.rstrip().endswith("{") and text.strip()[0] in '{["' and following.lstrip().startswith('"')


def parse(lines: Iterable[Line], columns: Columns) -> Iterator[Row | Refusal]:
    """Yield the rows of the documents in *lines*. Text between them is ignored."""
    for document in _documents(lines):
        if isinstance(document, Refusal):
            yield document
            continue
        try:
            found = json.loads(document.text)
        except (ValueError, RecursionError):
            yield Refusal(document.number, CUT_SHORT, shown(document.text), "not a JSON document")
            continue
        yield from json_rows.rows(document, found, columns)


def _documents(lines: Iterable[Line]) -> Iterator[Line | Refusal]:
    """Yield each document as one line. It ends with the bracket that closes its first one."""
    first: Line | None = None
    parts: list[str] = []
    depth = characters = 0
    for line in lines:
        if first is None:
            if line.text.strip()[:1] not in _OPENING:
                continue
            first, parts, depth, characters = line, [], 0, 0
        elif line.text[:1] == "{" and depth and parts[0][:1] == "{":  # the next one begins before this one ends
            yield Refusal(first.number, CUT_SHORT, shown(parts[0]), "it has no end")
            first, parts, depth, characters = line, [], 0, 0
        parts.append(line.text)
        characters += len(line.text)
        depth += _depth(line.text)
        if depth <= 0:
            yield Line(first.number, "\n".join(parts).strip().removesuffix(","))
            first = None
        elif characters > MAX_CHARACTERS:
            yield Refusal(first.number, TOO_LONG, shown(parts[0]), "the JSON document")
            first = None
    if first is not None:
        yield Refusal(first.number, TRUNCATED, shown(parts[0]), "the JSON document has no end")


def _depth(text: str) -> int:
    """Return by how much *text* opens more brackets than it closes, outside of strings."""
    depth, is_string, is_escaped = 0, False, False
    for letter in text:
        if is_escaped:
            is_escaped = False
        elif letter == "\\":
            is_escaped = is_string
        elif letter == '"':
            is_string = not is_string
        elif not is_string:
            depth += (letter in _OPENING) - (letter in _CLOSING)
    return depth
