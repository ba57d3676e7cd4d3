"""The series of a run in a store, to compare those of a push with those of a scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_exporter.stack.client import Prometheus

_OF_THE_SENDER = {
    "cluster",
    "instance",
    "job",
    "scope_name",
    "scope_version",
    "service_instance_id",
    "service_name",
}
"""Labels that describe who sent a series, and not what it is."""


def series_of(store: Prometheus, selector: str) -> set[tuple[tuple[str, str], ...]]:
    """Return the names and labels of the series that *selector* has had in the last minute, without the sender's."""
    return {
        tuple(
            sorted(
                (label, value.removesuffix(".0"))  # of the buckets of a histogram
                for label, value in series.labels.items()
                if label not in _OF_THE_SENDER
            )
        )
        for series in store.query(f"last_over_time({{{selector}}}[1m])")
    }
