"""What the exporters publish, as the rules see it: through missed scrapes and restarts, and one value a run."""

from __future__ import annotations

PARTS = "    "

_LONGEST_LINE = 88


def seen(series: str) -> str:
    """Return the PromQL of *series* now, or within two minutes from a process that has not been replaced.

    A missed scrape then neither fires nor resolves an alert. Nothing is left of the process before one that is scraped.
    """
    before = f"    last_over_time({series}[2m])"
    unless = "unless on (run, rank) vae_run_info"
    line_break = " " if len(before) + len(unless) < _LONGEST_LINE else f"\n{PARTS}  "
    return f"    {series}\n  or\n{before}{line_break}{unless}"


def aggregated(operator: str, series: str) -> str:
    """Return *series*, as it is `seen`, aggregated by *operator*: ``max by (run)``."""
    return f"{operator} (\n{seen(series)}\n)"
