"""Detect the format of a log from its content. If none fits, report the line that looks most like a log."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError
from vae_exporter.judge.logs import reading
from vae_exporter.judge.logs.columns import mapping_hint
from vae_exporter.judge.logs.formats import (
    dict_log,
    json_document,
    json_lines,
    labelled_text,
    labels,
    metric_logger,
    table,
    tensorboard,
)
from vae_exporter.judge.logs.rows import Line, Refusal, Row, shown
from vae_exporter.log_names import STEP, TIME

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

SEARCHED_LINES = 50_000
SEARCHED_CHARACTERS = 8_000_000
"""How far to search for the first rows: a trainer may print pages of configuration before them."""

ENOUGH = 20
"""The number of lines that settle the format."""

MAX_LISTED = 40
"""The most columns that the error for an unknown format lists."""


@dataclass(frozen=True)
class Format:
    """A text format: its name, an example line, a test for its lines, and its parser."""

    name: str
    example: str
    looks: Callable[[str, str, Columns], bool]  # takes a line and the next one
    parse: Callable[[Iterable[Line], Columns], Iterator[Row | Refusal]]


FORMATS = (
    Format("MetricLogger", metric_logger.EXAMPLE, lambda text, *_: metric_logger.looks(text), metric_logger.parse),
    Format("JSON Lines", json_lines.EXAMPLE, lambda text, *_: json_lines.looks(text), json_lines.parse),
    Format("JSON", json_document.EXAMPLE, lambda text, after, _: json_document.looks(text, after), json_document.parse),
    Format("logged dictionaries", dict_log.EXAMPLE, lambda text, *_: dict_log.looks(text), dict_log.parse),
    Format("CSV", table.EXAMPLE, lambda text, after, _: table.looks(text, after), table.parse),
    Format(
        "labelled values",
        labelled_text.EXAMPLE,
        lambda text, _, columns: labelled_text.looks(text, columns),
        labelled_text.parse,
    ),
)
"""In order of precedence: the first one wins if several match equally many lines."""

TENSORBOARD = "TensorBoard"

_FIGURE = re.compile(r"([A-Za-z_][\w/.]*)['\"]?\s*[:=]\s*[-+]?\d")
_LOSS = re.compile(r"nll|loss|perception|lpips|\bkl\b|epoch|step", re.IGNORECASE)


def read_rows(
    file: io.BufferedReader, columns: Columns, refuse: Callable[[Refusal], None]
) -> tuple[str, Iterator[Row | Refusal]]:
    """Return the name of *file*'s format, and its rows.

    Raises:
        LogError: The format is unknown.
    """
    start = reading.head(file)
    if not start:
        raise LogError(f"the file is empty; expected lines like\n{expected()}")
    if tensorboard.is_event_file(start):
        return TENSORBOARD, tensorboard.parse(file, columns)
    if not reading.is_text(start):
        raise LogError(f"not a text file: it begins with {start[:16]!r}; expected lines like\n{expected()}")
    lines = reading.read_lines(file, refuse)
    sample, found = _search(lines, columns)
    if found is None:
        raise LogError(_nothing_found(sample, columns))
    return found.name, found.parse(itertools.chain(sample, lines), columns)


def expected() -> str:
    """Return an example of each format, one per line."""
    width = max(len(known.name) for known in FORMATS)
    lines = [f"  {known.name:{width}}  {shown(known.example)}" for known in FORMATS]
    return "\n".join([*lines, f"  or {tensorboard.EXAMPLE}"])


def _search(lines: Iterator[Line], columns: Columns) -> tuple[list[Line], Format | None]:
    """Read lines until the format is settled. Return these lines and the format, or None if no line has one."""
    sample: list[Line] = []
    hits = dict.fromkeys(range(len(FORMATS)), 0)
    characters = 0
    while True:
        line = next(lines, None)
        if sample:
            _count(sample[-1].text, line.text if line else "", hits, columns)
        if line is None:
            break
        sample.append(line)
        characters += len(line.text)
        if max(hits.values()) >= ENOUGH or len(sample) >= SEARCHED_LINES or characters > SEARCHED_CHARACTERS:
            break
    best = max(hits, key=lambda index: (hits[index], -index))
    return sample, FORMATS[best] if hits[best] else None


def _count(text: str, following: str, hits: dict[int, int], columns: Columns) -> None:
    """Count *text* for the first format that it matches."""
    for index, known in enumerate(FORMATS):
        if known.looks(text, following, columns):
            # A table has only one header. If it names a known value, it settles the format.
            is_header = known.parse is table.parse
            hits[index] += ENOUGH if is_header and _names_values(text, columns) else 1
            return


def _names_values(header: str, columns: Columns) -> bool:
    return any(columns.of(table.names_of(header)).keys() - {STEP, TIME, "epoch"})


def _nothing_found(sample: list[Line], columns: Columns) -> str:
    closest = max(sample, key=lambda line: _closeness(line.text), default=None)
    if not sample:
        return f"every line has {reading.MAX_LINE} characters or more; expected lines like\n{expected()}"
    where = f"unknown log format: none of the {len(sample)} lines read can be parsed"
    if closest is not None and _closeness(closest.text):
        where += f"; the closest is line {closest.number}:\n  {shown(closest.text)}"
    elif closest is not None:
        first = next((line for line in sample if line.text.strip()), closest)
        where += f"; line {first.number} is\n  {shown(first.text)}"
    columns.note(_common_labels(sample))
    hint = f"\n{mapping_hint(columns)}" if columns.numeric else ""
    return f"{where}{hint}\nexpected lines like\n{expected()}"


def _common_labels(sample: list[Line]) -> list[str]:
    """Return the labels of numbers that the log repeats, the most common ones first."""
    counts = Counter(label for line in sample for label, _ in labels.labelled(line.text))
    return [label for label, count in counts.most_common(MAX_LISTED) if count > 1]


def _closeness(text: str) -> int:
    return 3 * len(_FIGURE.findall(text[:1000])) + len(_LOSS.findall(text[:1000]))
