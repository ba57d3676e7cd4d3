"""A value by step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """Values by step. *steps* and *values* have the same length. Where a step decreases, the run was resumed."""

    steps: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(
                f"a curve must have one value per step, got {len(self.values)} values for {len(self.steps)} steps"
            )

    def __bool__(self) -> bool:
        return bool(self.steps)
