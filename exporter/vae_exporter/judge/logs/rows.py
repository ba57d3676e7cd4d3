"""What the parsers give: rows of a log, and the lines that are refused."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SHOWN = 160
"""Characters of a line that a message shows."""

# Why a line is refused. These are the keys of `refused` in the JSON output.
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
    """One line of a log without its end; the first line is number 1."""

    number: int
    text: str


@dataclass(frozen=True)
class Refusal:
    """A line that is not used, and why; *detail* tells more than the reason."""

    line: int
    reason: str
    text: str
    detail: str = ""


@dataclass(frozen=True)
class RunningMean:
    """The mean since the epoch's start as it was printed: rounding may be off by *half_digit*."""

    value: float
    half_digit: float


@dataclass(frozen=True)
class Row:
    """What a log says at one step.

    Args:
        line: the number of its line, the first one where it has several.
        text: the line, for messages.
        step: the optimizer's step; None where the log has none.
        values: by the names of `TrainingExporter.observe`. Those with a running mean are medians of the last 20 steps.
        means: the running means since the epoch's start; they cover *epoch_index* + 1 steps.
        epoch: the epoch, None where the log has none.
        epoch_index: the number of the step within its epoch, from 0; None where the log has no running means.
        seconds: the time since any fixed moment; None where the log has none.
        step_seconds: how long a step took; None where the log does not say.
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

    def fingerprint(self) -> int:
        """Return a number that the same row has again, and another row hardly ever."""
        figures = ((name, repr(value)) for name, value in sorted(self.values.items()))
        means = ((name, repr(mean.value)) for name, mean in sorted(self.means.items()))
        return hash((self.step, self.epoch, self.seconds, tuple(figures), tuple(means)))


def number(text: str) -> float | None:
    """Return the number that *text* is, in the ways that Python and C print one; None where it is none."""
    text = text.strip()
    if "_" in text:  # Python reads 1_000 as a number; a log does not mean one
        return None
    try:
        return float(text)
    except ValueError:
        return None


def whole(value: float | None) -> int | None:
    """Return *value* as a step if it can be one."""
    if value is None or not math.isfinite(value) or not 0 <= value < 2**63 or value != int(value):
        return None
    return int(value)


def shown(text: str) -> str:
    """Return *text* as a message shows it: one line, printable, not too long."""
    text = text.strip()
    if len(text) > MAX_SHOWN:
        text = f"{text[: MAX_SHOWN - 3]}..."
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
