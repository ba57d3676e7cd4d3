"""The clocks of the training processes, which may be wrong."""

from __future__ import annotations


def by_prometheus(timestamp: str) -> str:
    """Return the last values of *timestamp*, a series by the clock of a process, by the clock of Prometheus."""
    return f"last_over_time({timestamp}[2m]) - on (run, rank) group_left () run_rank:vae_clock_offset:seconds"
