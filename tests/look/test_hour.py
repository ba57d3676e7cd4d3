"""The simulated hour: the rules say of each training what happens in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from looks.hour import Hour

VERDICTS = {
    "bs4-kl1e-4-healthy": {("healthy", "excellent")},
    "bs2-converging": {("converging", "degraded"), ("converging", "bad")},
    "bs4-kl1e-6-diverging": {("stop", "VaeNllDiverged")},
    "bs4-kl1e-3-crushed": {("stop", "VaeNllDiverged")},
    "rec1-blurred": {("watch", "VaeConfidenceGap")},
    "bs4-lr1e-3-nan": {("stop", "VaeLossNonfinite")},
    "gan-from-3600": {("healthy", "excellent")},
    "bs16-failed": {("stop", "VaeRunFailed")},
    "eight-ranks-resumed": {("healthy", "excellent")},
}
"""The last verdict of each run but the finished one, which has none, and the reasons that it may have."""


@pytest.fixture(scope="module")
def verdicts(hour: Hour) -> dict[str, tuple[str, str]]:
    found = Prometheus(hour.url).query("run:vae_verdict", at=hour.end)
    return {series.labels["run"]: (series.labels["verdict"], series.labels["reason"]) for series in found}


def test_only_runs_that_did_not_finish_have_a_verdict(verdicts: dict[str, tuple[str, str]]) -> None:
    assert set(verdicts) == set(VERDICTS)


@pytest.mark.parametrize("run", VERDICTS)
def test_the_verdict_is_that_of_what_happens(run: str, verdicts: dict[str, tuple[str, str]]) -> None:
    assert verdicts[run] in VERDICTS[run]
