"""Announces each run when Prometheus first scrapes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from vae_exporter.stack.client import Prometheus


class Newcomers:
    """Prints a line for each run that it has not seen before.

    Args:
        console: Where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._known: set[str] = set()

    def announce(self, prometheus: Prometheus) -> None:
        """Print the runs that *prometheus* scrapes now and did not scrape before."""
        for run in prometheus.label_values("group by (run) (vae_run_info)", "run"):
            if run not in self._known:
                self._known.add(run)
                self._console.print(f"run {run} found", markup=False, highlight=False)
