"""The terminal output of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from vae_exporter.judge.number import figure
from vae_exporter.judge.printing import STYLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from vae_exporter.demo.trainer import Progress
    from vae_exporter.runs.standing import Standing

_ALERT_STATES = {"active": "active", "suppressed": "inhibited"}


@dataclass(frozen=True)
class View:
    """One frame of the display.

    Args:
        standing: The standing of the run in Prometheus.
        phase: What the demo is doing, in a sentence.
        progress: The progress of the training.
        notified: The state of each alert of the run in Alertmanager, ``"active"`` or ``"suppressed"``, by name.
    """

    standing: Standing
    phase: str
    progress: Progress | None = None
    notified: Mapping[str, str] = field(default_factory=dict)

    @property
    def alerts(self) -> dict[str, str]:
        """What Alertmanager does with each alert that fires in Prometheus, by name."""
        return {
            name: _ALERT_STATES.get(self.notified.get(name, ""), "not yet at Alertmanager")
            for name in self.standing.alerts
        }


def picture(view: View) -> RenderableType:
    """Render *view* for a terminal."""
    return Panel(
        Group(Text(view.phase, style="bold"), Text(), _side_by_side(_training(view), _judged(view))),
        title=Text(f"run {view.standing.run}"),
        title_align="left",
        padding=(1, 2),
    )


def line(view: View) -> str:
    """Render *view* as one line, for output that is not a terminal."""
    progress = view.progress
    words = [f"step {progress.step}, NLL {figure(progress.losses['nll'])}" if progress else "no step yet"]
    words.append(f"verdict {_verdict(view.standing)}")
    words.extend(f"alert {name} ({state})" for name, state in view.alerts.items())
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
        table.add_row(f"Loss: {name}", figure(value))
    return table


def _judged(view: View) -> RenderableType:
    standing = view.standing
    table = _table()
    table.add_row("Verdict", Text(_verdict(standing), style=STYLES.get(standing.verdict or "", "dim")))
    table.add_row("Mean NLL", "-" if standing.nll is None else figure(standing.nll))
    alerts = [f"{name}\n{state}" for name, state in view.alerts.items()]
    table.add_row("Alerts", "\n".join(alerts) or "none")
    return table


def _side_by_side(left: RenderableType, right: RenderableType) -> RenderableType:
    table = Table.grid(padding=(0, 4, 0, 0))
    table.add_row(left, right)
    return table


def _verdict(standing: Standing) -> str:
    if standing.verdict is None:
        return "none before 100 steps"
    return standing.verdict if standing.verdict == standing.reason else f"{standing.verdict} ({standing.reason})"


def _table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    return table
