"""Print findings as a table, for a terminal or in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_exporter.doctor.finding import Finding

COLUMNS = ("check", "what", "found", "expected", "result")

_STYLES = {True: "green", False: "bold red", None: "dim"}


def for_terminal(findings: Sequence[Finding]) -> Table:
    """Return the table of *findings* for rich."""
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for finding in findings:
        *cells, result = _cells(finding)
        table.add_row(*map(Text, cells), Text(result, style=_STYLES[finding.passed]))
    return table


def as_markdown(findings: Sequence[Finding]) -> str:
    """Return the table of *findings* in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_cells, findings)]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def _cells(finding: Finding) -> tuple[str, ...]:
    cells = (finding.check, finding.what, finding.figure, finding.expected, finding.result)
    return tuple(" ".join(cell.split()) for cell in cells)
