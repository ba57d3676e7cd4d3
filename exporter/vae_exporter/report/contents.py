"""The content of a report, independent of its source."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter.stack.curve import Curve

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Alert:
    """An alert that fired from *step* to *end_step*.

    *step* is None if it is unknown, *end_step* if the alert still fires. *severity* is page or ticket. *summary*,
    *description* and *runbook_url* are the alert's annotations, and empty if they are no longer available.
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
    """The memory of one GPU by step, in bytes. *total* is its capacity. Each of *layers* includes the one after it."""

    gpu: str
    total: float | None = None
    layers: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The report of one run. Everything except its name may be missing.

    Args:
        run: The name of the run.
        source: A phrase that says where the values come from.
        verdict: The latest label ``verdict`` of ``run:vae_verdict``.
        reason: The latest label ``reason`` of ``run:vae_verdict``.
        state: The last state that the process reported, or that it disappeared without reporting its end.
        nll: The mean NLL of the last 100 steps.
        nll_noise: The mean NLL of the last 10 steps.
        baseline: The mean NLL of the run before over the same 100 steps.
        edges: The edges of the NLL by name: ``bad`` is ``run:vae_nll:edge_bad``.
        contributions: The weighted means that sum to the NLL, by component.
        stages: The first step of each stage after the first.
        alerts: The alerts that fired, in the order in which they began.
        gpu_memory: The memory of each GPU.
        outputs_url: Where to look at the run's outputs.
    """

    run: str
    source: str = ""
    verdict: str | None = None
    reason: str | None = None
    state: str | None = None
    nll: Curve = field(default_factory=Curve)
    nll_noise: Curve = field(default_factory=Curve)
    baseline: Curve = field(default_factory=Curve)
    edges: Mapping[str, float] = field(default_factory=dict)
    contributions: Mapping[str, Curve] = field(default_factory=dict)
    stages: tuple[float, ...] = ()
    alerts: tuple[Alert, ...] = ()
    gpu_memory: tuple[GpuMemory, ...] = ()
    outputs_url: str = ""
