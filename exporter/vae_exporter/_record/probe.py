"""Records the losses on the fixed probe clip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vae_exporter._record.facts import ProbeFacts

if TYPE_CHECKING:
    from collections.abc import Mapping


class Probe:
    """The newest and the lowest losses on the probe clip."""

    def __init__(self) -> None:
        self._step: int | None = None
        self._losses: dict[str, float] = {}
        self._best: dict[str, float] = {}
        self._training_nll: float | None = None

    def record(self, step: int, values: Mapping[str, float], training_nll: float | None) -> None:
        """Record the losses on the clip at *step*. If none of them is finite, the previous ones stay.

        Args:
            step: The optimizer step.
            values: The losses, by component.
            training_nll: The training's own NLL around that step.
        """
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        if not finite:
            return
        self._step = step
        self._losses = finite
        self._training_nll = training_nll
        self.take_over(finite)

    def take_over(self, best: Mapping[str, float]) -> None:
        """Take over the lowest losses of an earlier process of the run, by component."""
        for name, value in best.items():
            self._best[name] = min(value, self._best.get(name, math.inf))

    def facts(self) -> ProbeFacts:
        """Return the losses as they are now."""
        return ProbeFacts(self._step, dict(self._losses), dict(self._best), self._training_nll)
