"""Families of simulated trainings: what happens in each, and what the rules should say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simulations.noise import CORRELATED, DENSE, Noise

DENSE_STEPS = 3000
SPARSE_STEPS = 24_000
SPARSEST_STEPS = 150_000
VALIDATED_STEPS = 15_000

BATCHES = 8
"""Batches of an evaluation."""

Curve = Callable[[np.ndarray, int], np.ndarray]
"""The mean NLL at each step, given the step at which the damage begins."""


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
        is_damaged: Whether it must page. Otherwise it must not.
        noises: The noises that it is tried with.
        every: The number of steps from one reported loss to the next.
        is_averaged: Whether it reports the mean of these steps, otherwise one of them.
        scale: What all losses are multiplied with.
        alert: The alert that must fire in it or must not.
        validated_every: The number of steps from one evaluation to the next; 0: it is never validated.
        validation: The mean NLL of the validation.
        cause: The cause that its page should name; None if any or none will do.
        buckets: The levels of the groups that batches come from, relative to the NLL.
        block: How many batches in a row come from one group.
        parts: The shares of the rise that rec and perception have.
        gauges: Other values by step, such as the learning rate.
        settings: Arguments of `TrainingExporter`.
    """

    name: str
    curve: Curve
    level: float = 0.17
    steps: int = DENSE_STEPS
    is_damaged: bool = False
    noises: tuple[Noise, ...] = DENSE
    every: int = 1
    is_averaged: bool = False
    scale: float = 1.0
    alert: str = "VaeNllDiverged"
    validated_every: int = 0
    validation: Curve | None = None
    cause: str | None = None
    parts: tuple[float, float] = (0.5, 0.5)
    buckets: tuple[float, ...] = ()
    block: int = 1
    gauges: Callable[[int, int], Mapping[str, float]] = _no_gauges
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def onset(self) -> int:
        """The step at which the damage begins."""
        return self.steps // 2

    def train(self, rng: np.random.Generator, noise: Noise) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield each step that is reported, and its values."""
        steps = np.arange(self.steps)
        sound = self.level + (1 - self.level) * np.exp(-steps / 400)
        nll = self.curve(sound, self.onset)
        rise = nll - sound
        groups = rng.integers(len(self.buckets), size=self.steps // self.block + 1) if self.buckets else None
        noisy = noise.factors(rng, self.steps)
        rec = (0.5 * sound + self.parts[0] * rise) * noisy * self.scale / 10
        perception = (0.5 * sound + self.parts[1] * rise) * noisy * self.scale
        validation = None if self.validation is None else self.validation(sound, self.onset)
        if self.is_averaged:
            rec, perception = (_averaged(values, self.every) for values in (rec, perception))
        for step in range(self.every - 1 if self.is_averaged else 0, self.steps, self.every):
            values = {
                "nll": float(10 * rec[step] + perception[step]),
                "rec": float(rec[step]),
                "perception": float(perception[step]),
                "kl": 30.0,
            }
            if groups is not None:
                group = int(groups[step // self.block])
                values = {name: value * self.buckets[group] for name, value in values.items()}
                yield step, {**values, "group": group}
                continue
            if validation is not None and step % self.validated_every == 0:
                batches = validation[step] * noise.factors(rng, BATCHES)
                values["validation"] = float(batches.mean())
            yield step, {**values, **self.gauges(step, self.onset)}


def _averaged(values: np.ndarray, every: int) -> np.ndarray:
    """Return *values* with the mean of each *every* of them in place of these."""
    return np.repeat(values.reshape(-1, every).mean(axis=1), every)


def healthy(sound: np.ndarray, _onset: int) -> np.ndarray:
    """Return the NLL of a run to which nothing happens."""
    return sound


def doubling(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that doubles each 300 steps, up to 2.5."""
    steps = np.arange(len(sound))
    return np.where(steps > onset, np.minimum(2.5, sound * 2 ** (np.maximum(steps - onset, 0) / 300)), sound)


def jump(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that jumps to 0.5."""
    return np.where(np.arange(len(sound)) > onset, 0.5, sound)


def drift(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises by 0.43 within as many steps as came before."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return np.minimum(0.6, sound + past * 0.43 / onset)


def twelvefold(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises twelvefold within 600 steps."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound * np.minimum(12.0, 1 + 11 * past / 600)


def tripled(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that triples within 500 steps."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return sound * np.minimum(3.0, 1 + 2 * past / 500)


def _share(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return how far a change has gone that takes a third of the run."""
    return np.clip((np.arange(len(sound)) - onset) / (len(sound) / 3), 0, 1)


def halving(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that halves."""
    return sound * (1 - 0.5 * _share(sound, onset))


def rising_validation(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return the validation of a run that overfits: it rises by half."""
    return 1.1 * sound * (1 + 0.5 * _share(sound, onset))


def level_validation(sound: np.ndarray, _onset: int) -> np.ndarray:
    """Return the validation of a run that memorizes its clips, or of a healthy one: it stays at its level."""
    return 1.1 * sound


def improving_validation(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return the validation of a run that goes on to improve."""
    return 1.1 * halving(sound, onset)


def lone_outlier(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return a healthy NLL with one batch 50 times as high."""
    return np.where(np.arange(len(sound)) == onset, 50 * sound, sound)


def _warm_up(step: int, onset: int) -> Mapping[str, float]:
    return {"learning_rate": 1e-4 * min(step, onset) / onset}


def _discriminator(step: int, onset: int) -> Mapping[str, float]:
    return {"discriminator_factor": float(step >= onset - 1000)}


_DAMAGES = (("doubling", doubling), ("jump", jump), ("drift", drift))

FAMILIES: tuple[Family, ...] = (
    *(
        Family(f"healthy at {level:g}{_each}", healthy, level, steps, every=every, noises=noises)
        for level in (0.20, 0.24)
        for every, steps, noises, _each in (
            (1, DENSE_STEPS, DENSE, ""),
            (1, DENSE_STEPS, CORRELATED, ", correlated"),
            (10, SPARSE_STEPS, DENSE, ", each 10 steps"),
            (20, SPARSE_STEPS, DENSE, ", each 20 steps"),
            (50, SPARSE_STEPS, DENSE, ", each 50 steps"),
            (100, SPARSEST_STEPS, DENSE, ", each 100 steps"),
        )
    ),
    Family("healthy, one outlier", lone_outlier),
    *(
        Family(f"{name}, means of {every} steps", curve, level, every=every, is_averaged=True, is_damaged=damaged)
        for every in (10, 20, 50, 100)
        for name, curve, level, damaged in (
            ("healthy at 0.24", healthy, 0.24, False),
            *((name, curve, 0.17, True) for name, curve in _DAMAGES),
        )
    ),
    *(
        Family(f"{name}{_each}", curve, steps=steps, every=every, noises=noises, is_damaged=True)
        for name, curve in _DAMAGES
        for every, steps, noises, _each in (
            (1, DENSE_STEPS, DENSE, ""),
            (1, DENSE_STEPS, CORRELATED, ", correlated"),
            (10, SPARSE_STEPS, DENSE, ", each 10 steps"),
            (20, SPARSE_STEPS, DENSE, ", each 20 steps"),
            (50, SPARSE_STEPS, DENSE, ", each 50 steps"),
            (100, SPARSEST_STEPS, DENSE, ", each 100 steps"),
        )
    ),
    *(
        Family(f"{name}, at {scale:g} times the scale", curve, scale=scale, is_damaged=damaged, noises=(DENSE[1],))
        for scale in (1e-3, 1e-2, 1e2, 1e5)
        for name, curve, damaged in (("healthy", healthy, False), ("twelvefold", twelvefold, True))
    ),
    *(
        Family(
            f"{name}, buckets in blocks of {block}",
            curve,
            level=0.19,
            steps=9000,
            is_damaged=damaged,
            noises=(Noise(0.05), Noise(0.4)),
            buckets=(0.36, 0.87, 1.77),
            block=block,
        )
        for block in (1, 40, 150, 600)
        for name, curve, damaged in (("healthy", healthy, False), ("tripled", tripled, True))
    ),
    *(
        Family(
            f"{name}, validated each {every} steps",
            curve,
            steps=VALIDATED_STEPS,
            is_damaged=damaged,
            noises=DENSE[:3],
            alert="VaeValidationGap",
            validated_every=every,
            validation=validation,
        )
        for every in (200, 1000)
        for name, curve, validation, damaged in (
            ("healthy", healthy, level_validation, False),
            ("improving", halving, improving_validation, False),
            ("overfitting", halving, rising_validation, True),
            ("memorizing", halving, level_validation, True),
        )
    ),
    Family("rec rises", doubling, is_damaged=True, cause="rec", parts=(0.9, 0.1)),
    Family("perception rises", doubling, is_damaged=True, cause="perception", parts=(0.1, 0.9)),
    Family("doubling after a warm-up", doubling, is_damaged=True, cause="learning_rate", gauges=_warm_up),
    Family(
        "doubling 1,000 steps after the discriminator",
        doubling,
        is_damaged=True,
        cause="discriminator",
        gauges=_discriminator,
    ),
)
