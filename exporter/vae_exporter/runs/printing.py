"""Print the standing of runs as a table, with their alerts below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from vae_exporter.judge.number import figure
from vae_exporter.judge.printing import STYLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from vae_exporter.runs.standing import Standing

_COLUMNS = ("run", "state", "step", "NLL", "band", "verdict", "last step")
_GPU_COLUMNS = ("GPU", "GPU memory")
_RIGHT = ("step", "NLL", *_GPU_COLUMNS)
_FOLDED = ("run", "last step", "GPU memory")
"""Columns that fold over lines on a narrow terminal."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def overview(runs: Sequence[Standing]) -> RenderableType:
    """Return a table with a row for each of *runs*, and below it a line for each that has alerts."""
    return Group(_table(runs), *(_alerts(run) for run in runs if run.alerts))


def duration(seconds: float) -> str:
    """Return *seconds* in the largest unit that fits, for example ``3 min``."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), _UNITS[-1])
    return f"{seconds / size:.0f} {unit}"


def _table(runs: Sequence[Standing]) -> Table:
    """Return the table, with columns for GPUs if any run has some."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    has_gpus = any(run.gpu is not None or run.gpu_memory is not None for run in runs)
    for name in _COLUMNS + _GPU_COLUMNS * has_gpus:
        justify: Literal["right", "left"] = "right" if name in _RIGHT else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in _FOLDED)
    for run in runs:
        table.add_row(*_cells(run), *((_share(run.gpu), _share(run.gpu_memory)) if has_gpus else ()))
    return table


def _alerts(run: Standing) -> Text:
    alerts = Text(", ").join(_alert(name, severity, run.suppressed.get(name)) for name, severity in run.alerts.items())
    return Text.assemble(f"alerts of {run.run}: ", alerts, overflow="fold")


def _alert(name: str, severity: str, suppressed: str | None) -> Text:
    return Text(f"{name} ({suppressed})", style="dim") if suppressed else Text(name, style=STYLES.get(severity, ""))


def _cells(run: Standing) -> tuple[Text, ...]:
    return (
        Text(run.run),
        _styled(run.state),
        Text("-" if run.step is None else str(run.step)),
        Text("-" if run.nll is None else figure(run.nll)),
        _styled(run.band),
        _styled(run.verdict),
        Text("-" if run.age is None else f"{duration(run.age)} ago"),
    )


def _styled(word: str | None) -> Text:
    return Text(word or "-", style=STYLES.get(word or "", ""))


def _share(ratio: float | None) -> Text:
    return Text("-" if ratio is None else f"{ratio:.0%}")
