"""Print findings as a table, for a terminal or in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_exporter.doctor.finding import Finding

COLUMNS = ("check", "what", "found", "expected", "result")

_ROOM_FOR_URLS = 0.55
"""The share of a narrow terminal that unbroken URLs may take, so that the other columns have room."""

_STYLES = {True: "green", False: "bold red", None: "dim"}


def for_terminal(findings: Sequence[Finding], width: int) -> Table:
    """Return the table of *findings* for a terminal of *width* columns. It breaks no result, and no URL that fits."""
    rows = [_cells(finding) for finding in findings]
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    columns = list(zip(COLUMNS, *rows, strict=True))
    is_narrow = sum(max(map(len, column)) + 2 for column in columns) > width
    room = int(_ROOM_FOR_URLS * width)
    for name, *cells in columns:
        unbroken = _longest_url(cells, room) if is_narrow else None
        room -= unbroken or 0
        table.add_column(name, overflow="fold", width=unbroken, no_wrap=name == COLUMNS[-1])
    for finding, (*cells, result) in zip(findings, rows, strict=True):
        table.add_row(*map(Text, cells), Text(result, style=_STYLES[finding.passed]))
    return table


def _longest_url(cells: Iterable[str], room: int) -> int | None:
    """Return the length of the longest URL in *cells* that takes at most *room*."""
    lengths = (len(word) for cell in cells for word in cell.split() if "://" in word)
    return max((length for length in lengths if length <= room), default=None)


def as_markdown(findings: Sequence[Finding]) -> str:
    """Return the table of *findings* in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_cells, findings)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def _cells(finding: Finding) -> tuple[str, ...]:
    cells = (finding.check, finding.what, finding.figure, finding.expected, finding.result)
    return tuple(" ".join(cell.split()) for cell in cells)
