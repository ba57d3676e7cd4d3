"""The simulated hour: the rules say of each training what happens in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from looks.hour import Hour

VERDICTS = {
    "bs4-kl1e-4-healthy": ("healthy", "excellent"),
    "bs2-converging": ("converging", "converging"),
    "bs4-kl1e-6-diverging": ("stop", "VaeNllDiverged"),
    "bs4-kl1e-3-crushed": ("stop", "VaeNllDiverged"),
    "rec1-blurred": ("watch", "VaeConfidenceGap"),
    "bs4-lr1e-3-nan": ("stop", "VaeLossNonfinite"),
    "gan-from-3600": ("healthy", "excellent"),
    "bs16-failed": ("stop", "VaeRunFailed"),
    "eight-ranks-resumed": ("healthy", "excellent"),
}
"""The verdict of each run and its reason, at the end of the hour. The finished run has none."""


def test_the_verdicts_are_those_of_what_happens(hour: Hour) -> None:
    found = Prometheus(hour.url).query("run:vae_verdict", at=hour.end)
    verdicts = {series.labels["run"]: (series.labels["verdict"], series.labels["reason"]) for series in found}
    assert verdicts == VERDICTS
