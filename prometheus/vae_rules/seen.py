"""PromQL that reads exported metrics across missed scrapes and restarts."""

from __future__ import annotations

PARTS = "    "

_LONGEST_LINE = 88


def seen(series: str) -> str:
    """Return the PromQL of *series* now or, if its process has not been replaced, within the last two minutes.

    So a missed scrape neither fires nor resolves an alert, and a new process hides the values of its predecessor.
    """
    before = f"    last_over_time({series}[2m])"
    unless = "unless on (run, rank) vae_run_info"
    line_break = " " if len(before) + len(unless) < _LONGEST_LINE else f"\n{PARTS}  "
    return f"    {series}\n  or\n{before}{line_break}{unless}"


def aggregated(operator: str, series: str) -> str:
    """Return the PromQL of *series* as `seen`, aggregated by *operator*, such as ``max by (run)``."""
    return f"{operator} (\n{seen(series)}\n)"
