"""Records validation losses, separate from the training losses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Mapping


class Validation:
    """The mean of each loss over the newest evaluation, which is all batches that were observed at one step."""

    def __init__(self) -> None:
        self._means: dict[str, _StepMean] = {}

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Record the finite losses of one batch of the evaluation at *step*. Other values are ignored."""
        for name, value in values.items():
            if name in COMPONENTS and math.isfinite(value):
                self._means.setdefault(name, _StepMean()).observe(step, value)

    def facts(self) -> dict[str, float]:
        """Return the mean of each loss that was observed."""
        return {component: mean.value for component, mean in self._means.items()}


@dataclass
class _StepMean:
    step: int | None = None
    value: float = 0.0
    count: int = 0

    def observe(self, step: int, value: float) -> None:
        if step != self.step:
            self.step, self.value, self.count = step, 0.0, 0
        self.count += 1
        self.value += (value - self.value) / self.count
