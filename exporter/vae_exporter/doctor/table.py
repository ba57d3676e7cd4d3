"""Print findings as a table, for a terminal or in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vae_exporter.doctor.finding import Finding

COLUMNS = ("check", "what", "found", "expected", "result")

_WIDEST_URL = 30
"""The longest URL in characters that is not broken, so that a terminal has room for the other columns."""

_STYLES = {True: "green", False: "bold red", None: "dim"}


def for_terminal(findings: Sequence[Finding]) -> Table:
    """Return the table of *findings* for rich. It breaks no URL that fits."""
    rows = [_cells(finding) for finding in findings]
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    for index, column in enumerate(COLUMNS):
        table.add_column(column, overflow="fold", min_width=_longest_url(row[index] for row in rows))
    for finding, (*cells, result) in zip(findings, rows, strict=True):
        table.add_row(*map(Text, cells), Text(result, style=_STYLES[finding.passed]))
    return table


def _longest_url(cells: Iterable[str]) -> int | None:
    """Return the length of the longest URL in *cells*, if a terminal has room for it."""
    lengths = (len(word) for cell in cells for word in cell.split() if "://" in word)
    return max((length for length in lengths if length <= _WIDEST_URL), default=None)


def as_markdown(findings: Sequence[Finding]) -> str:
    """Return the table of *findings* in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_cells, findings)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def _cells(finding: Finding) -> tuple[str, ...]:
    cells = (finding.check, finding.what, finding.figure, finding.expected, finding.result)
    return tuple(" ".join(cell.split()) for cell in cells)
