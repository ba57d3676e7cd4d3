"""A part of ``make simulate``: simulated trainings through the real exporter and the real rules."""

from __future__ import annotations

import pytest
from simulations.families import FAMILIES
from simulations.suite import Outcome, cases, judge

RUNS = 2

WITH_PART_IN_TESTS = (
    "healthy at 0.24",
    "healthy at 0.24, correlated",
    "healthy at 0.24, each 20 steps",
    "healthy at 0.24, means of 50 steps",
    "jump, means of 20 steps",
    "healthy, one outlier",
    "doubling",
    "jump, each 20 steps",
    "drift, correlated",
    "healthy, at 0.001 times the scale",
    "twelvefold, at 0.001 times the scale",
    "twelvefold, at 100 times the scale",
    "healthy, buckets in blocks of 150",
    "fivefold, buckets in blocks of 150",
    "healthy, validated each 200 steps",
    "overfitting, validated each 200 steps",
    "rec rises",
    "perception rises",
    "doubling after a warm-up",
    "doubling 1,000 steps after the discriminator",
    "hard data, as in the run before",
    "doubling, the run before was sound",
    "drift, the run before had hard data",
    "jump, the run before diverged too",
)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, list[Outcome]]:
    families = [family for family in FAMILIES if family.name in WITH_PART_IN_TESTS]
    found: dict[str, list[Outcome]] = {family.name: [] for family in families}
    for outcome in judge(cases(families, RUNS)):
        found[outcome.case.family.name].append(outcome)
    return found


@pytest.mark.timeout(600)  # judging all of them at once takes most of a minute on a machine that does nothing else
@pytest.mark.parametrize("name", WITH_PART_IN_TESTS)
def test_a_damaged_run_has_one_alert_with_its_cause_and_a_healthy_one_none(
    outcomes: dict[str, list[Outcome]], name: str
) -> None:
    assert len(outcomes[name]) == RUNS
    for outcome in outcomes[name]:
        family = outcome.case.family
        assert not outcome.is_false_page, outcome
        assert not outcome.is_missed, outcome
        assert outcome.pages == int(family.is_damaged and family.alert == "VaeNllDiverged"), outcome
        if family.cause:
            assert family.cause in outcome.causes, outcome
        assert family.wrong_cause not in outcome.causes, outcome
