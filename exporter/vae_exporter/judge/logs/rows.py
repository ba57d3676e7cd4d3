"""The output of the parsers: rows, and refused lines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SHOWN = 160
"""The most characters of a line that a message shows."""

# The reasons for which a line is refused. They are the keys of `refused` in the JSON output.
CUT_SHORT = "cut short or spliced"
NO_STEP = "cut at its start: no step"
BAD_STEP = "step does not fit"
BAD_NUMBER = "not a number"
DUPLICATE = "duplicate"
CONTRADICTION = "parts contradict the total"
TRUNCATED = "file ends in the middle"
TOO_LONG = "line too long"


@dataclass(frozen=True)
class Line:
    """One line of a log, without its line ending. Line numbers start at 1."""

    number: int
    text: str


@dataclass(frozen=True)
class Refusal:
    """A line that is not used, and why. *detail* supplements the reason."""

    line: int
    reason: str
    text: str
    detail: str = ""


@dataclass(frozen=True)
class RunningMean:
    """A printed mean since the start of the epoch. The true value differs by at most *half_digit*."""

    value: float
    half_digit: float


def running_mean(printed: str) -> RunningMean:
    """Return the mean that is *printed*, with the error of its last digit."""
    mantissa, _, exponent = printed.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return RunningMean(float(printed), float(f"5e{int(exponent or 0) - decimals - 1}"))


@dataclass(frozen=True)
class Row:
    """The values that a log reports at one step.

    Args:
        line: The number of its line, or of the first if it has several.
        text: The line, for messages.
        step: The optimizer step. None if the log has no steps.
        values: By the names of `TrainingExporter.observe`. One with a running mean is the median of the last 20 steps,
            or the value of the last one.
        means: The running means since the start of the epoch. They cover *epoch_index* + 1 steps. As printed, they may
            be other means, until `repair.running` has tried them.
        epoch: The epoch. None if the log has no epochs.
        epoch_index: The index of the step within its epoch, from 0. None if the log has no running means.
        seconds: The time in seconds since any fixed moment. None if the log has no times.
        step_seconds: The duration of a step. None if the log does not report it.
        validation: The validation losses. A row may have only these.
    """

    line: int
    text: str
    step: int | None
    values: Mapping[str, float]
    means: Mapping[str, RunningMean] = field(default_factory=dict)
    epoch: int | None = None
    epoch_index: int | None = None
    seconds: float | None = None
    step_seconds: float | None = None
    validation: Mapping[str, float] = field(default_factory=dict)

    def fingerprint(self) -> int:
        """Return a hash of the row's content, regardless of its line."""
        figures = ((name, repr(value)) for name, value in sorted({**self.values, **self._marked()}.items()))
        means = ((name, repr(mean.value)) for name, mean in sorted(self.means.items()))
        return hash((self.step, self.epoch, self.seconds, tuple(figures), tuple(means)))

    def _marked(self) -> dict[str, float]:
        return {f"validation {name}": value for name, value in self.validation.items()}


def number(text: str) -> float | None:
    """Parse a number as Python or C prints it. Return None if *text* is not one."""
    text = text.strip()
    if "_" in text:  # Python accepts 1_000, but in a log it is not a number
        return None
    try:
        return float(text)
    except ValueError:
        return None


def whole(value: float | None) -> int | None:
    """Return *value* as an int if it can be a step, else None."""
    if value is None or not math.isfinite(value) or not 0 <= value < 2**63 or value != int(value):
        return None
    return int(value)


def shown(text: str) -> str:
    """Return *text* for a message: printable, and at most `MAX_SHOWN` characters."""
    text = text.strip()
    if len(text) > MAX_SHOWN:
        text = f"{text[: MAX_SHOWN - 3]}..."
    return printable(text)


def printable(text: str) -> str:
    """Return *text* with the replacement character for each control character and each byte that is not UTF-8."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
