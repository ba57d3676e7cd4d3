"""What is known of one component of the loss: its values, its windows, and where it was no number."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from vae_exporter._record.facts import LossFacts
from vae_exporter._record.windows import REMEMBERED_STEPS, StepWindows


@dataclass
class Loss:
    """What is known of one component."""

    windows: StepWindows = field(default_factory=StepWindows)
    start: float | None = None
    last: float | None = None
    nonfinite: int = 0
    is_finite: bool = True  # the newest value
    nonfinite_since: int | None = None  # the first step of the newest stretch of values that are not
    nonfinite_steps: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED_STEPS))  # the newest ones

    def observe(self, step: int, value: float) -> None:
        """Take *value* at *step*. One that is not finite is counted, and enters no mean."""
        self.windows.observe(step, value)
        if math.isfinite(value):
            self.last = value
            if self.start is None:
                self.start = value
            self.is_finite = True
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
            start=self.start,
            nonfinite=self.nonfinite,
            nonfinite_since=self.nonfinite_since,
            last_nonfinite_step=self.nonfinite_steps[-1] if self.nonfinite_steps else None,
            windows=self.windows.snapshot(),
        )


@dataclass
class StepMean:
    """The mean of the finite values given at the newest step: a validation goes through many batches at one."""

    step: int | None = None
    mean: float = 0.0
    count: int = 0

    def observe(self, step: int, value: float) -> None:
        """Take *value*, finite, at *step*."""
        if step != self.step:
            self.step, self.mean, self.count = step, 0.0, 0
        self.count += 1
        self.mean += (value - self.mean) / self.count
