"""``make simulate``: judge simulated trainings and print how often a page was false, missed or late."""

from __future__ import annotations

import sys
from itertools import groupby
from statistics import median

from simulations.families import FAMILIES
from simulations.suite import Outcome, cases, judge


def row(outcomes: list[Outcome]) -> str:
    """Return a line of the table about the outcomes of one family."""
    family = outcomes[0].case.family
    false = sum(outcome.is_false_page for outcome in outcomes)
    delays = [
        outcome.page - family.onset for outcome in outcomes if outcome.page is not None and not outcome.is_false_page
    ]
    missed = sum(outcome.page is None for outcome in outcomes) if family.is_damaged else 0
    named = sum(family.cause in outcome.causes for outcome in outcomes) if family.cause else None
    tickets = sorted({name for outcome in outcomes for name in outcome.alerts} - {"VaeNllDiverged"})
    counts = ", ".join(f"{name} {sum(name in outcome.alerts for outcome in outcomes)}" for name in tickets)
    return (
        f"{family.name:48} {len(outcomes):4} {false:5} {missed:6} {round(median(delays)) if delays else '-':>6} "
        f"{max((outcome.pages for outcome in outcomes), default=0):3} {'-' if named is None else named:>5}  {counts}"
    )


def main() -> None:
    """Judge as many runs of each family as the first argument says: 40 by default."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    wanted = [family for family in FAMILIES if all(word in family.name for word in sys.argv[2:])]
    print(f"{'family':48} runs false missed  delay  ep cause  tickets")
    outcomes = judge(cases(wanted, runs))
    for _, group in groupby(outcomes, key=lambda outcome: outcome.case.family.name):
        print(row(list(group)), flush=True)


main()
