"""Which format a file has, by its content; and, where it has none, which of its lines looked closest."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError
from vae_exporter.judge.logs import reading
from vae_exporter.judge.logs.formats import dict_log, json_lines, metric_logger, table, tensorboard
from vae_exporter.judge.logs.rows import Line, Refusal, Row, shown

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator

    from vae_exporter.judge.logs.columns import Columns

SEARCHED_LINES = 50_000
SEARCHED_CHARACTERS = 8_000_000
"""How far a log is searched for its first rows: a trainer may print its configuration for pages."""

ENOUGH = 20
"""So many lines of one format decide."""


@dataclass(frozen=True)
class Format:
    """A format of text: its name for people, a line as an example, and how to tell and parse its lines."""

    name: str
    example: str
    looks: Callable[[str, str], bool]  # of a line and the one below it
    parse: Callable[[Iterable[Line], Columns], Iterator[Row | Refusal]]


FORMATS = (
    Format("MetricLogger", metric_logger.EXAMPLE, lambda text, _: metric_logger.looks(text), metric_logger.parse),
    Format("JSON Lines", json_lines.EXAMPLE, lambda text, _: json_lines.looks(text), json_lines.parse),
    Format("logged dictionaries", dict_log.EXAMPLE, lambda text, _: dict_log.looks(text), dict_log.parse),
    Format("CSV", table.EXAMPLE, table.looks, table.parse),
)
"""In the order of preference where a log has as many lines of several."""

TENSORBOARD = "TensorBoard"

_FIGURE = re.compile(r"([A-Za-z_][\w/.]*)['\"]?\s*[:=]\s*[-+]?\d")
_LOSS = re.compile(r"nll|loss|perception|lpips|\bkl\b|epoch|step", re.IGNORECASE)


def read_rows(
    file: io.BufferedReader, columns: Columns, refuse: Callable[[Refusal], None]
) -> tuple[str, Iterator[Row | Refusal]]:
    """Return the name of *file*'s format, and its rows.

    Raises:
        LogError: it has none that is known.
    """
    start = reading.head(file)
    if not start:
        raise LogError(f"it is empty; expected lines like\n{expected()}")
    if tensorboard.is_event_file(start):
        return TENSORBOARD, tensorboard.parse(file, columns)
    if not reading.is_text(start):
        raise LogError(f"it is no text: it begins with {start[:16]!r}; expected lines like\n{expected()}")
    lines = reading.read_lines(file, refuse)
    sample, found = _search(lines, columns)
    if found is None:
        raise LogError(_nothing_found(sample))
    return found.name, found.parse(itertools.chain(sample, lines), columns)


def expected() -> str:
    """Return an example of each format, one a line."""
    width = max(len(known.name) for known in FORMATS)
    lines = [f"  {known.name:{width}}  {shown(known.example)}" for known in FORMATS]
    return "\n".join([*lines, f"  or {tensorboard.EXAMPLE}"])


def _search(lines: Iterator[Line], columns: Columns) -> tuple[list[Line], Format | None]:
    """Read until a format is plain, and return what was read with it."""
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
    """Count *text* for the first format that it looks like."""
    for index, known in enumerate(FORMATS):
        if known.looks(text, following):
            # A table has one header, which says as much as many lines if it names a known value.
            is_header = known.parse is table.parse
            hits[index] += ENOUGH if is_header and _names_values(text, columns) else 1
            return


def _names_values(header: str, columns: Columns) -> bool:
    return any(columns.of(table.names_of(header)).keys() - {"step", "time", "epoch"})


def _nothing_found(sample: list[Line]) -> str:
    closest = max(sample, key=lambda line: _closeness(line.text), default=None)
    if not sample:
        return f"it has no line of less than {reading.MAX_LINE} characters; expected lines like\n{expected()}"
    where = f"none of its {len(sample)} lines is one of a known log"
    if closest is not None and _closeness(closest.text):
        where += f"; line {closest.number} looked closest:\n  {shown(closest.text)}"
    elif closest is not None:
        first = next((line for line in sample if line.text.strip()), closest)
        where += f", and none looks like one; line {first.number} is\n  {shown(first.text)}"
    return f"{where}\nexpected lines like\n{expected()}"


def _closeness(text: str) -> int:
    return 3 * len(_FIGURE.findall(text[:1000])) + len(_LOSS.findall(text[:1000]))
