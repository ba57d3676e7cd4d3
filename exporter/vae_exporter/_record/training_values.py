"""What the training steps report: the components of the loss, and the last value of each gauge."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter._record.changes import Changes
from vae_exporter._record.facts import ChangeFacts, LossFacts
from vae_exporter._record.windows import REMEMBERED_STEPS, StepWindows
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping


class TrainingValues:
    """The values of the training steps, in the order in which they arrive."""

    def __init__(self) -> None:
        self._losses = {component: Loss() for component in COMPONENTS}
        self._gauges: dict[str, float] = {}
        self._changes = Changes()
        self._step: int | None = None  # the newest one whose values have arrived

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values at *step*. A step below the newest one is trained again."""
        self._move_to(step)
        gauges = {}
        for name, value in values.items():
            if name in self._losses:
                self._losses[name].observe(step, value)
            elif math.isfinite(value):
                gauges[name] = value
        if gauges:
            self._gauges.update(gauges)
            self._changes.record(step, gauges)

    def record_skipped(self, step: int, values: Mapping[str, float]) -> None:
        """Record the values at *step*, which the gradient scaler has skipped: what is not finite is the reason for it.

        A loop that accumulates gradients learns this after it has reported the losses: what they were is taken back.
        """
        self._move_to(step)
        for loss in self._losses.values():
            loss.skip(step)
        self.record(step, {name: value for name, value in values.items() if math.isfinite(value)})

    def loss_facts(self) -> dict[str, LossFacts]:
        """Return what is known of each component."""
        return {component: loss.facts() for component, loss in self._losses.items()}

    def gauge_facts(self) -> dict[str, float]:
        """Return the last finite value of each gauge that was reported."""
        return dict(self._gauges)

    def change_facts(self) -> ChangeFacts:
        """Return what changed in the training."""
        return self._changes.facts()

    def _move_to(self, step: int) -> None:
        if self._step is not None and step < self._step:
            for loss in self._losses.values():
                loss.go_back_to(step)
        self._step = step


@dataclass
class Loss:
    """One component: its values, its windows, and where it was no number."""

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
