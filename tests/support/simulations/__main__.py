"""``make simulate``: judge simulated trainings and print how often a page was false, missed or late."""

from __future__ import annotations

import argparse
from itertools import groupby
from statistics import median

import numpy as np

from simulations.families import FAMILIES
from simulations.peers import moving_average, spike_detection
from simulations.suite import Case, Outcome, cases, judge

HEADER = (
    "| family | runs | false pages | missed | delay in steps | pages per run | cause named | wrong cause "
    "| average: false, missed | spike: false, missed |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(outcomes: list[Outcome]) -> str:
    """Return the row of one family in the table."""
    family = outcomes[0].case.family
    false = sum(outcome.is_false_page for outcome in outcomes)
    missed = sum(outcome.is_missed for outcome in outcomes)
    delays = [outcome.delay for outcome in outcomes if outcome.delay is not None]
    named, wrong = (_named(cause, outcomes) for cause in (family.cause, family.wrong_cause))
    average, spike = (_peer(detector, outcomes) for detector in (moving_average, spike_detection))
    return (
        f"| {family.name} | {len(outcomes)} | {false} | {missed} | {round(median(delays)) if delays else ''} "
        f"| {max(outcome.pages for outcome in outcomes)} | {named} | {wrong} | {average} | {spike} |"
    )


def _named(cause: str | None, outcomes: list[Outcome]) -> str:
    return "" if cause is None else str(sum(cause in outcome.causes for outcome in outcomes))


def _total(outcomes: list[Outcome]) -> str:
    promised = [outcome for outcome in outcomes if outcome.case.family.is_promised]
    damaged = [outcome for outcome in promised if outcome.case.family.is_damaged]
    caused = [outcome for outcome in promised if outcome.case.family.cause]
    return (
        f"{len(promised) - len(damaged)} healthy runs and {len(damaged)} damaged ones: "
        f"{sum(outcome.is_false_page for outcome in promised)} false pages, "
        f"{sum(outcome.is_missed for outcome in damaged)} missed; "
        f"the cause was named in {sum(outcome.case.family.cause in outcome.causes for outcome in caused)} "
        f"of {len(caused)}"
    )


def _peer(detector: object, outcomes: list[Outcome]) -> str:
    family = outcomes[0].case.family
    assert callable(detector)
    if family.alert == "VaeValidationGap":
        return ""
    steps = [detector(_values(outcome.case)) for outcome in outcomes]
    false = sum(step is not None and (not family.is_damaged or step < family.onset) for step in steps)
    missed = sum(step is None for step in steps) if family.is_damaged else 0
    return f"{false}, {missed}"


def _values(case: Case) -> list[tuple[int, float]]:
    trained = case.family.train(np.random.default_rng(case.seed), case.noise)
    return [(report.step, report.values["nll"]) for report in trained]


def main() -> None:
    """Judge runs of each family and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=40, help="runs of each family (default: 40)")
    parser.add_argument("words", nargs="*", help="judge only families whose names contain all of these words")
    options = parser.parse_args()
    wanted = [family for family in FAMILIES if all(word in family.name for word in options.words)]
    outcomes = judge(cases(wanted, options.runs))
    print(HEADER)
    for _, group in groupby(outcomes, key=lambda outcome: outcome.case.family.name):
        print(row(list(group)), flush=True)
    print(f"\n{_total(outcomes)}")


if __name__ == "__main__":
    main()
