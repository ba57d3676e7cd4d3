"""The terminal output of the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vae_exporter.demo.status import RunStatus
from vae_exporter.judge.printing import STYLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from vae_exporter.demo.trainer import Progress

_ALERT_STATES = {None: "not yet at Alertmanager", "active": "active", "suppressed": "inhibited"}


@dataclass(frozen=True)
class View:
    """One frame of the display. *phase* describes in a sentence what the demo is doing."""

    run: str
    phase: str
    progress: Progress | None = None
    status: RunStatus = RunStatus()  # noqa: RUF009 - frozen


def picture(view: View) -> RenderableType:
    """Render *view* for a terminal."""
    return Panel(
        Group(Text(view.phase, style="bold"), Text(), _side_by_side(_training(view), _judged(view))),
        title=Text(f"run {view.run}"),
        title_align="left",
        padding=(1, 2),
    )


def line(view: View) -> str:
    """Render *view* as one line, for output that is not a terminal."""
    progress, status = view.progress, view.status
    words = [f"step {progress.step}, NLL {progress.losses['nll']:.3f}" if progress else "no step yet"]
    words.append(f"verdict {_verdict(status)}")
    words.extend(f"alert {name} ({_ALERT_STATES.get(state, state)})" for name, state in _alerts(status).items())
    return ", ".join(words)


def addresses(urls: Mapping[str, str]) -> RenderableType:
    """Render the address of each server."""
    table = _table()
    for name, url in urls.items():
        table.add_row(name, Text(url, style="underline"))
    return table


def _training(view: View) -> RenderableType:
    table = _table()
    progress = view.progress
    if progress is None:
        table.add_row("Training", "starting")
        return table
    per_step = progress.seconds / (progress.step + 1)
    table.add_row("Step", str(progress.step))
    table.add_row("Steps per second", f"{1 / per_step:.0f}")
    table.add_row("Learning rate", f"{progress.learning_rate:.1e}")
    for name, value in progress.losses.items():
        table.add_row(f"Loss: {name}", f"{value:.4g}")
    return table


def _judged(view: View) -> RenderableType:
    status = view.status
    table = _table()
    table.add_row("Verdict", Text(_verdict(status), style=STYLES.get(status.verdict or "", "dim")))
    table.add_row("Mean NLL", "-" if status.nll is None else f"{status.nll:.3f}")
    alerts = [f"{name}\n{_ALERT_STATES.get(state, state)}" for name, state in _alerts(status).items()]
    table.add_row("Alerts", "\n".join(alerts) or "none")
    return table


def _side_by_side(left: RenderableType, right: RenderableType) -> RenderableType:
    table = Table.grid(padding=(0, 4, 0, 0))
    table.add_row(left, right)
    return table


def _verdict(status: RunStatus) -> str:
    if status.verdict is None:
        return "none before 100 steps"
    return status.verdict if status.verdict == status.reason else f"{status.verdict} ({status.reason})"


def _alerts(status: RunStatus) -> Mapping[str, str | None]:
    return status.alerts or {}


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    return table
