"""Shows the standing of runs on a terminal, and keeps it current."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from vae_exporter.runs.newcomers import Newcomers
from vae_exporter.runs.printing import overview
from vae_exporter.runs.standing import standings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from vae_exporter.stack.client import Prometheus


@contextmanager
def live_table(console: Console) -> Iterator[Callable[[Prometheus], None]]:
    """Yield a function that announces new runs on *console*, and updates the table of all runs if it is a terminal.

    The function raises AnswerError if Prometheus does not answer. Whatever else is printed appears above the table.
    """
    newcomers = Newcomers(console)
    if not console.is_terminal:
        yield newcomers.announce
        return
    with Live(console=console, auto_refresh=False) as live:

        def refresh(prometheus: Prometheus) -> None:
            newcomers.announce(prometheus)
            runs = standings(prometheus)
            live.update(overview(runs) if runs else Text("no run yet"), refresh=True)

        yield refresh
