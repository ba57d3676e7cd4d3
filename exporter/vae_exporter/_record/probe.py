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

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Record the losses on the clip at *step*. If none of them is finite, the previous ones stay."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        if not finite:
            return
        self._step = step
        self._losses = finite
        for name, value in finite.items():
            self._best[name] = min(value, self._best.get(name, math.inf))

    def facts(self) -> ProbeFacts:
        """Return the newest and the lowest losses."""
        return ProbeFacts(self._step, dict(self._losses), dict(self._best))
