"""A family of simulated trainings: what happens in each, and what the rules should say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulations.noise import DENSE, Noise

DENSE_STEPS = 3000
SPARSE_STEPS = 24_000
SPARSEST_STEPS = 150_000

BATCHES = 8
"""Batches of an evaluation."""

SCRAPES = 150
"""Scrapes of a run, unless its family says otherwise."""

Curve = Callable[[np.ndarray, int], np.ndarray]
"""The mean NLL at each step, given the mean NLL of a sound training and the step at which the damage begins."""

_PROBE_SPREAD = 0.02


@dataclass(frozen=True)
class Report:
    """What a trainer reports of one step."""

    step: int
    values: Mapping[str, float]
    group: str = ""
    kl_weight: float | None = None
    probe: float | None = None
    begins_stage: bool = False
    mean_over: int = 1
    validation: float | None = None


def _constant_kl(_step: int, _onset: int) -> float:
    return 30.0


def _no_gauges(_step: int, _onset: int) -> Mapping[str, float]:
    return {}


@dataclass(frozen=True)
class Family:
    """A kind of training.

    Args:
        name: What happens in it.
        curve: Its mean NLL.
        level: The NLL at which it converges.
        steps: How long it lasts.
        is_damaged: Whether the *alert* must fire. No family may page before its damage.
        alert: The alert that must fire.
        is_promised: Whether the rules promise to be right about it. Otherwise it is only shown.
        noises: The noises that it is tried with.
        every: The number of steps from one reported loss to the next.
        is_averaged: Whether it reports the mean of these steps, otherwise the last of them.
        scrape_steps: The number of steps from one scrape to the next. None: as many as make `SCRAPES` scrapes.
        scale: What all losses are multiplied with.
        cause: The cause that its page should name; None if any or none will do.
        wrong_cause: A cause that its page must not name.
        buckets: The levels of the groups that batches come from, relative to the NLL.
        block: How many batches in a row come from one group.
        parts: The shares of the rise that rec and perception have.
        gauges: Other values by step, such as the learning rate.
        kl: The KL by step.
        kl_weight: The weight of the KL by step; None if it does not change.
        probe_every: The number of steps from one probe to the next; None without probes.
        probe_is_sound: Whether the probe stays at the sound NLL, because only the data are hard.
        stages: The steps at which a stage begins, as shares of the onset.
        validated_every: The number of steps from one evaluation to the next, if it has a *validation*.
        validation: The mean NLL of the validation; None if it is never validated.
        before: The mean NLL of the run before, with which it is compared; None if it has no baseline.
        settings: Arguments of `TrainingExporter`.
    """

    name: str
    curve: Curve
    level: float = 0.17
    steps: int = DENSE_STEPS
    is_damaged: bool = False
    alert: str = "VaeNllDiverged"
    is_promised: bool = True
    noises: tuple[Noise, ...] = DENSE
    every: int = 1
    is_averaged: bool = False
    scrape_steps: int | None = None
    scale: float = 1.0
    cause: str | None = None
    wrong_cause: str | None = None
    parts: tuple[float, float] = (0.5, 0.5)
    buckets: tuple[float, ...] = ()
    block: int = 1
    gauges: Callable[[int, int], Mapping[str, float]] = _no_gauges
    kl: Callable[[int, int], float] = _constant_kl
    kl_weight: Callable[[int, int], float] | None = None
    probe_every: int | None = None
    probe_is_sound: bool = False
    stages: tuple[float, ...] = ()
    validated_every: int = 1000
    validation: Curve | None = None
    before: Curve | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps_from_scrape_to_scrape(self) -> float:
        """As many as make `SCRAPES` scrapes, unless given."""
        return self.scrape_steps or self.steps / SCRAPES

    @property
    def scrapes(self) -> int:
        """The number of scrapes of a run."""
        return math.ceil(self.steps / self.steps_from_scrape_to_scrape)

    @property
    def onset(self) -> int:
        """The step at which the damage begins."""
        return self.steps // 2

    def train(self, rng: np.random.Generator, noise: Noise) -> Iterator[Report]:
        """Yield what is reported of each step."""
        steps = np.arange(self.steps)
        sound = self.level + (1 - self.level) * np.exp(-steps / 400)
        nll = self.curve(sound, self.onset)
        rise = nll - sound
        groups = rng.integers(len(self.buckets), size=self.steps // self.block + 1) if self.buckets else None
        noisy = noise.factors(rng, self.steps)
        rec = (0.5 * sound + self.parts[0] * rise) * noisy * self.scale / 10
        perception = (0.5 * sound + self.parts[1] * rise) * noisy * self.scale
        probes = (sound if self.probe_is_sound else nll) * Noise(_PROBE_SPREAD).factors(rng, self.steps) * self.scale
        validation = None if self.validation is None else self.validation(sound, self.onset)
        if self.is_averaged:
            rec, perception = (_averaged(values, self.every) for values in (rec, perception))
        stages = {round(share * self.onset) for share in self.stages}
        for step in range(self.every - 1 if self.is_averaged else 0, self.steps, self.every):
            group = None if groups is None else int(groups[step // self.block])
            factor = 1.0 if group is None else self.buckets[group]
            values = {
                "nll": float(10 * rec[step] + perception[step]) * factor,
                "rec": float(rec[step]) * factor,
                "perception": float(perception[step]) * factor,
                "kl": self.kl(step, self.onset),
                **self.gauges(step, self.onset),
            }
            yield Report(
                step,
                values,
                group="" if group is None else f"bucket {group}",
                kl_weight=self.kl_weight(step, self.onset) if self.kl_weight else None,
                probe=float(probes[step]) if self.probe_every and step % self.probe_every == 0 else None,
                begins_stage=step in stages,
                mean_over=self.every if self.is_averaged else 1,
                validation=None
                if validation is None or step % self.validated_every
                else float(np.mean(validation[step] * noise.factors(rng, BATCHES))),
            )


def _averaged(values: np.ndarray, every: int) -> np.ndarray:
    """Return *values* with the mean of each *every* of them in place of these."""
    return np.repeat(values.reshape(-1, every).mean(axis=1), every)
