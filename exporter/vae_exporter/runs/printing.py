"""Print the standing of runs as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vae_exporter.judge.printing import STYLES, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_exporter.runs.standing import Standing

COLUMNS = ("run", "state", "step", "NLL", "band", "verdict", "last step", "alerts", "GPU", "GPU memory")

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def table(runs: Sequence[Standing]) -> Table:
    """Return the table of *runs*."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        made.add_column(column, justify="right" if column in ("step", "NLL", "GPU", "GPU memory") else "left")
    for run in runs:
        made.add_row(
            Text(run.run),
            _styled(run.state),
            Text("-" if run.step is None else str(run.step)),
            Text("-" if run.nll is None else figure(run.nll)),
            _styled(run.band),
            _styled(run.verdict),
            Text("-" if run.age is None else f"{duration(run.age)} ago"),
            Text(", ").join(Text(name, style=STYLES.get(severity, "")) for name, severity in run.alerts.items()),
            _share(run.gpu),
            _share(run.gpu_memory),
        )
    return made


def duration(seconds: float) -> str:
    """Return *seconds* in the largest unit that fits, for example ``3 min``."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds / size:.0f} {unit}"


def _styled(word: str | None) -> Text:
    return Text(word or "-", style=STYLES.get(word or "", ""))


def _share(ratio: float | None) -> Text:
    return Text("-" if ratio is None else f"{ratio:.0%}")
