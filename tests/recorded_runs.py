"""The two recorded runs of tests/data, as losses by step."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data"

LOSS_WEIGHTS = {"rec": 10.0, "perception": 1.0}

HALF_DIGIT = 0.00005
"""Figures are printed with four decimals: a printed mean is off by this much at most."""

MAX_RELATIVE_ERROR = 0.02

_COLUMNS = {"nll": "nll_loss", "rec": "rec_loss", "perception": "perception_loss", "kl": "kl_loss", "total": "vae_loss"}


@dataclass(frozen=True)
class Step:
    """One step of a recorded run: its number, how long it took, its losses and learning rate."""

    number: int
    seconds: float
    losses: dict[str, float]
    learning_rate: float


def recorded_steps(name: str) -> Iterator[Step]:
    """Yield every step from 0 on. Between two printed rows each step bears the mean of the steps between them."""
    before, means_before = -1, dict.fromkeys(_COLUMNS, 0.0)
    with (DATA / f"{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            last = int(row["step"])
            means = {component: float(row[f"{column}_mean"]) for component, column in _COLUMNS.items()}
            losses = {
                component: mean_between(
                    before, means_before[component], last, means[component], median=float(row[column])
                )
                for component, column in _COLUMNS.items()
            }
            for number in range(before + 1, last + 1):
                yield Step(number, float(row["step_seconds"]), losses, float(row["learning_rate"]))
            before, means_before = last, means


def mean_between(before: int, mean_before: float, last: int, mean: float, *, median: float) -> float:
    """Return the mean of the steps after *before* up to *last*, from the running means since step 0 at both.

    Rounding of the two means leaves an error that grows with the step. Where it may be more than 2 %, the printed
    *median* of the last 20 steps stands for it.
    """
    steps = last - before
    total, total_before = mean * (last + 1), mean_before * (before + 1)
    between = (total - total_before) / steps
    error = HALF_DIGIT * ((last + 1) + (before + 1)) / steps
    return between if error <= MAX_RELATIVE_ERROR * abs(between) else median
