"""PromQL that reads exported metrics across missed scrapes and restarts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vae_rules.rule import Record, replaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae_rules.rule import RuleFile

PARTS = "    "

MISSED = "run_rank:vae_scrape:is_missed"
"""The ranks of which `seen` looks for the past. gpu.yml has its own: that of another group may be an evaluation old."""

GPU_MISSED = "run_rank:vae_gpu_scrape:is_missed"

_UNLESS_SCRAPED = "unless on (run, rank) vae_run_info"
_IF_MISSED = re.compile(rf"and on \(run, rank\) ({MISSED}|{GPU_MISSED})\b")


def missed_scrapes(name: str) -> Record:
    """Return the record *name* of the ranks that missed a scrape."""
    return Record(
        name,
        f"group by (run, rank) (\n  last_over_time(vae_run_info[2m]) {_UNLESS_SCRAPED}\n)",
        "Present for a rank that the newest scrape missed, for up to two minutes",
        why="Nearly always empty, so it costs next to nothing to join it.",
    )


def seen(series: str, missed: str = MISSED) -> str:
    """Return the PromQL of *series* now or, if its rank *missed* a scrape, within the last two minutes.

    So a missed scrape neither fires nor resolves an alert, and a series that a process no longer exports is gone at
    once.
    """
    return f"    {series}\n  or\n    last_over_time({series}[2m])\n      and on (run, rank) {missed}"


def aggregated(operator: str, series: str, missed: str = MISSED) -> str:
    """Return the PromQL of *series* as `seen`, aggregated by *operator*, such as ``max by (run)``."""
    return f"{operator} (\n{seen(series, missed)}\n)"


def with_scrapes_read(files: Sequence[RuleFile]) -> Sequence[RuleFile]:
    """Return *files*, in which `seen` reads whether a scrape was missed from the metrics, not from a recorded series.

    This costs more, and is for a ruler that reads what it recorded too late.
    """
    return replaced(files, lambda rule: _IF_MISSED.sub(_UNLESS_SCRAPED, rule.expr))
