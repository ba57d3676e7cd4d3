"""What is known of a run at one moment: the recorder writes it, the collectors read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._record.windows import Windows
    from vae_exporter.vocabulary import RunState

_PREFERRED = (10, 15, 22, 33, 47, 68)
"""The E6 series of IEC 60063: each number is about 1.5 times the one before."""

DURATION_BUCKETS = (*(number * 10**power / 1000 for power in range(4) for number in _PREFERRED), 100.0, 1000.0)
"""Upper bounds of the step durations' buckets, in seconds. Up to 100 s, a quantile is at most 1.5 times too high."""


@dataclass(frozen=True)
class LossFacts:
    """One component of the loss at one moment. None: not observed yet."""

    last: float | None
    start: float | None
    nonfinite: int
    nonfinite_since: int | None
    last_nonfinite_step: int | None


@dataclass(frozen=True)
class LevelFacts:
    """The level of the judged NLL. None: not known yet.

    Args:
        best: the lowest mean over a long window so far.
        best_short: the lowest mean over a short window.
        highest: the highest mean over a long window.
        held: the lowest level that lasted for three long windows in a row: the highest of the three means.
        held_step: the last step of these windows.
        held_means: the mean of each loss over them, by component.
        last_step: the newest step at which a short mean was not above the level: a rise began after it.
    """

    best: float | None = None
    best_short: float | None = None
    highest: float | None = None
    held: float | None = None
    held_step: int | None = None
    held_means: Mapping[str, float] = field(default_factory=dict)
    last_step: int | None = None


@dataclass(frozen=True)
class ChangeFacts:
    """A change in the training, which lasted from *first_step* to *last_step*."""

    first_step: int
    last_step: int


@dataclass(frozen=True)
class ProbeFacts:
    """What is known of the fixed clip.

    Args:
        step: the step at which it was last tried.
        losses: its losses there, by component.
        best: the lowest so far, by component.
        training_nll: the mean of the judged training NLL over the short window before that step.
    """

    step: int | None
    losses: Mapping[str, float]
    best: Mapping[str, float]
    training_nll: float | None


@dataclass(frozen=True)
class GapFacts:
    """How the validation compares with the training, averaged over the newest evaluations.

    Args:
        step: the step of the newest one.
        nll: their judged NLL.
        ratio: how many times that of the training it is.
        standard_error: of the difference of the two ratios; None if it cannot be estimated.
        best_nll: the lowest average so far.
        best_ratio: the ratio when the average was last clearly lower than before.
    """

    step: int
    nll: float
    ratio: float
    standard_error: float | None
    best_nll: float
    best_ratio: float


@dataclass(frozen=True)
class ValidationFacts:
    """The mean of each loss over the newest evaluation, and how it compares with the training, if that is known."""

    losses: Mapping[str, float]
    gap: GapFacts | None = None


@dataclass(frozen=True)
class BaselineFacts:
    """What the run before had at the positions of the newest long window.

    Args:
        mean: its mean NLL there.
        growth: the median of its short means there, relative to the level that it had held by then.
        end_growth: the same at its end.
    """

    mean: float
    growth: float
    end_growth: float


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
    changes: Mapping[str, ChangeFacts]
    losses: Mapping[str, LossFacts]
    weights: Mapping[str, float]
    nll_part_weights: Mapping[str, float]
    windows: Windows
    level: LevelFacts
    validation: ValidationFacts
    probe: ProbeFacts
    baseline: BaselineFacts | None
    reconstruction: ReconstructionFacts
    user_gauges: Mapping[str, float]
    errors: Mapping[str, int]
    dropped: Mapping[str, int]
