"""What a report tells, wherever its figures come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Curve:
    """Values by step: the two are as long as each other. A step below the one before it is a run that went back."""

    steps: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(f"a curve of {len(self.steps)} steps has {len(self.values)} values: give one each")

    def __bool__(self) -> bool:
        return bool(self.steps)


@dataclass(frozen=True)
class Alert:
    """An alert that fired, from *step* to *end_step*; None: at a step that is not known, and still firing.

    *summary*, *description* and *runbook_url* are the annotations of the rule, filled in; empty where they are not
    known any more. *severity* is the rule's: page or ticket.
    """

    name: str
    severity: str
    step: float | None
    end_step: float | None = None
    summary: str = ""
    description: str = ""
    runbook_url: str = ""


@dataclass(frozen=True)
class GpuMemory:
    """The memory of one card by step, in bytes: *layers* by name, each inside of the next, *total* the whole card."""

    gpu: str
    total: float | None = None
    layers: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """One run. All but its name may be missing: the page then says what would fill the place.

    *verdict* and *reason* are the newest labels of ``run:vae_verdict``; *state* is what the process last said: running,
    paused, finished, terminated, failed, or lost where it never said that it ended. *source* says in a few words where
    the figures come from. *nll* is the mean over the last 100 steps, *nll_noise* over the last 10. *edges* are those of
    the NLL by name, as in ``run:vae_nll:edge_bad``. *contributions* are the weighted means that sum to the NLL, by
    component.
    """

    run: str
    source: str = ""
    verdict: str | None = None
    reason: str | None = None
    state: str | None = None
    nll: Curve = Curve()
    nll_noise: Curve = Curve()
    edges: Mapping[str, float] = field(default_factory=dict)
    contributions: Mapping[str, Curve] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    gpu_memory: tuple[GpuMemory, ...] = ()
    outputs_url: str = ""
