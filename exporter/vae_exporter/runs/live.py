"""Shows the standing of runs on a terminal, and keeps it current."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.text import Text

from vae_exporter.runs.newcomers import Newcomers
from vae_exporter.runs.printing import overview
from vae_exporter.runs.standing import standings
from vae_exporter.runs.suppression import suppressions
from vae_exporter.stack.client import AnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

    from vae_exporter.stack.client import Alertmanager, Prometheus


def current_table(prometheus: Prometheus, alertmanager: Alertmanager) -> RenderableType | None:
    """Return the table of all runs as they stand now, or None if there is no run.

    If Alertmanager does not answer, a line below the table says that silences are unknown.

    Raises:
        AnswerError: Prometheus does not answer.
    """
    try:
        runs, notes = standings(prometheus, suppressions(alertmanager)), []
    except AnswerError as error:
        runs = standings(prometheus)
        notes = [Text(f"silences are unknown: {error}")] if any(run.alerts for run in runs) else []
    return Group(overview(runs), *notes) if runs else None


@contextmanager
def live_table(console: Console) -> Iterator[Callable[[Prometheus, Alertmanager], None]]:
    """Yield a function that announces new runs on *console*, and updates the table of all runs if it is a terminal.

    The function raises AnswerError if Prometheus does not answer. Whatever else is printed appears above the table.
    """
    newcomers = Newcomers(console)
    if not console.is_terminal:
        yield lambda prometheus, _: newcomers.announce(prometheus)
        return
    with Live(console=console, auto_refresh=False) as live:

        def refresh(prometheus: Prometheus, alertmanager: Alertmanager) -> None:
            newcomers.announce(prometheus)
            live.update(current_table(prometheus, alertmanager) or Text("no run yet"), refresh=True)

        yield refresh
