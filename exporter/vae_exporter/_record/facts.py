"""What is known of a run at one moment: the recorder writes it, the collectors read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._record.windows import WindowsSnapshot
    from vae_exporter.vocabulary import RunState

DURATION_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0)
"""Upper bounds of the step durations' buckets, in seconds."""


@dataclass(frozen=True)
class LossFacts:
    """One component of the loss at one moment. None: not observed yet."""

    last: float | None
    start: float | None
    nonfinite: int
    nonfinite_since: int | None
    last_nonfinite_step: int | None
    windows: WindowsSnapshot | None


@dataclass(frozen=True)
class ChangeFacts:
    """What changed in the training.

    Args:
        discriminator_start: the first step with a discriminator; None if this process has not seen it start.
    """

    discriminator_start: int | None


@dataclass(frozen=True)
class ProbeFacts:
    """What is known of the fixed clip: the step at which it was last tried, its losses there, and the lowest so far."""

    step: int | None
    losses: Mapping[str, float]
    best: Mapping[str, float]


@dataclass(frozen=True)
class ReconstructionFacts:
    """How the frames compared at *step* have fared, and nothing of earlier ones. None: not known."""

    step: int | None = None
    sharpness_ratio: float | None = None
    contrast_ratio: float | None = None
    psnr_decibels: float | None = None


@dataclass(frozen=True)
class DurationFacts:
    """Durations of steps, in seconds: how many fell into each of `DURATION_BUCKETS` and above, and their sum."""

    counts: tuple[int, ...]
    sum: float


@dataclass(frozen=True)
class StepFacts:
    """The steps that this process has observed.

    Args:
        newest: the optimizer's step; None before the first.
        newest_time: when it was observed, in Unix seconds; before the first step, when the run began.
        start: the step that the run resumed from, else the first one; None if neither is known yet.
        is_resumed: whether the run goes on from a checkpoint.
        observed: how many there were.
        skipped: how many of them the gradient scaler skipped.
        durations: how long they took.
    """

    newest: int | None
    newest_time: float
    start: int | None
    is_resumed: bool
    observed: int
    skipped: int
    durations: DurationFacts


@dataclass(frozen=True)
class RunFacts:
    """A run at one moment: what a scrape publishes. Times are Unix seconds; *end_time* is 0 while the run lasts."""

    state: RunState
    start_time: float
    end_time: float
    steps: StepFacts
    gauges: Mapping[str, float]
    changes: ChangeFacts
    losses: Mapping[str, LossFacts]
    validation: Mapping[str, float]
    probe: ProbeFacts
    reconstruction: ReconstructionFacts
    user_gauges: Mapping[str, float]
    errors: Mapping[str, int]
    dropped: Mapping[str, int]
