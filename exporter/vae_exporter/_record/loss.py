"""One component of the loss: how it began, its last value, and where it was not finite."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import isfinite

from vae_exporter._record.facts import LossFacts
from vae_exporter._record.mean import mean

REMEMBERED_NONFINITE = 1000
"""How many of the newest NaN and infinite values of a loss are remembered, in case the training goes back."""

FIRST_VALUES = 10
"""The start of a loss is the mean of its first ten values: a single one says little."""

LEAP = 100.0
"""Times the start before it, a value is an explosion and no part of the start. In a recorded run the KL went from 29 to
1.3e9 within its first four printed values."""


@dataclass
class Loss:
    """One component: its first and last values, and where it was no number."""

    first: list[float] = field(default_factory=list)
    last: float | None = None
    nonfinite: int = 0
    is_finite: bool = True  # the newest value
    nonfinite_since: int | None = None  # the first step of the newest stretch of values that are not
    nonfinite_steps: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_NONFINITE))  # the newest ones

    def observe(self, step: int, value: float) -> None:
        """Take *value* at *step*. One that is not finite is counted."""
        if isfinite(value):
            self.last = value
            self.is_finite = True
            if len(self.first) < FIRST_VALUES and not 0 < LEAP * sum(self.first) < value * len(self.first):
                self.first.append(value)
        else:
            self.nonfinite += 1
            self.nonfinite_steps.append(step)
            if self.is_finite:
                self.nonfinite_since = step
            self.is_finite = False

    def go_back_to(self, step: int) -> None:
        """Forget that the loss was non-finite at the steps from there on: they are about to be trained again."""
        while self.nonfinite_steps and self.nonfinite_steps[-1] >= step:
            self.nonfinite_steps.pop()
        last = self.nonfinite_steps[-1] if self.nonfinite_steps else None
        if last is None or self.nonfinite_since is None or self.nonfinite_since >= step:
            self.nonfinite_since = last
            self.is_finite = True

    def skip(self, step: int) -> None:
        """Take back that the loss was non-finite at *step*, which the gradient scaler has skipped."""
        if self.nonfinite_steps and self.nonfinite_steps[-1] == step:
            self.go_back_to(step)

    def facts(self) -> LossFacts:
        """Return it as it is now."""
        return LossFacts(
            last=self.last,
            start=mean(self.first) if self.first else None,
            nonfinite=self.nonfinite,
            nonfinite_since=self.nonfinite_since,
            last_nonfinite_step=self.nonfinite_steps[-1] if self.nonfinite_steps else None,
        )
