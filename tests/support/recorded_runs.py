"""The two recorded runs in tests/data, as log lines and as losses by step."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter.judge.logs.columns import Columns
from vae_exporter.judge.logs.formats import metric_logger
from vae_exporter.judge.logs.repair.means import stretches
from vae_exporter.judge.logs.rows import Line, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parents[1] / "data"

LOSS_WEIGHTS = {"rec": 10.0, "perception": 1.0}

STEPS_AN_EPOCH = 2000

_COLUMNS = ("vae_loss", "nll_loss", "rec_loss", "perception_loss", "kl_loss")


@dataclass(frozen=True)
class Step:
    """One step of a recorded run, with its duration in seconds."""

    number: int
    seconds: float
    losses: dict[str, float]
    learning_rate: float


def metric_logger_lines(name: str) -> Iterator[str]:
    """Yield the log lines that the run's MetricLogger printed."""
    with (DATA / f"{name}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            losses = "  ".join(f"{column}: {row[column]} ({row[f'{column}_mean']})" for column in _COLUMNS)
            yield (
                f"Epoch: [0]  [{int(row['step']):4d}/{STEPS_AN_EPOCH}]  eta: 1:06:21  lr: {row['learning_rate']}  "
                f"{losses}  grad_norm: {row['grad_norm']} ({row['grad_norm']})  time: {row['step_seconds']}  "
                f"data: 0.0002  max mem: {row['max_memory_mib']}"
            )


def recorded_rows(name: str) -> list[Row]:
    """Return the rows of the log of a run."""
    lines = (Line(number, text) for number, text in enumerate(metric_logger_lines(name), 1))
    return [row for row in metric_logger.parse(lines, Columns()) if isinstance(row, Row)]


def recorded_steps(name: str) -> Iterator[Step]:
    """Yield every step. Each step between two printed rows has the mean of the steps between them."""
    for stretch in stretches(recorded_rows(name), LOSS_WEIGHTS):
        losses = dict(stretch.values)
        learning_rate = losses.pop("learning_rate")
        losses.pop("gradient_norm")
        for number in range(stretch.first, stretch.last + 1):
            yield Step(number, stretch.seconds or 0, losses, learning_rate)
