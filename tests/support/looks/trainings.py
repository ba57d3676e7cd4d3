"""The ten trainings of the simulated hour, and what happens in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from simulations.curves import doubling, healthy
from simulations.family import Family
from simulations.noise import Noise

if TYPE_CHECKING:
    from vae_exporter.vocabulary import EndState

HOUR = 3600
STEP_SECONDS = 0.5
STEPS = int(HOUR / STEP_SECONDS)
ONSET = STEPS // 2
"""The step at which the damage begins, after half an hour."""

WARM_UP_STEPS = 500

WEIGHTS = {"rec": 10, "perception": 1, "kl": 1e-6}

Values = Callable[[int], Mapping[str, float]]


def no_more(_step: int) -> Mapping[str, float]:
    """Report nothing that the family does not."""
    return {}


def slightly(_step: int) -> float:
    """Lose a tenth of the detail."""
    return 0.1


@dataclass(frozen=True)
class Segment:
    """A process of a run, on each of its ranks.

    Args:
        start: When it starts, in seconds of the hour.
        first: Its first step.
        last: The step after its last one.
        end: The state in which it ends; None: it outlives the hour.
    """

    start: int = 0
    first: int = 0
    last: int = STEPS
    end: EndState | None = None


@dataclass(frozen=True)
class Training:
    """A run of the hour.

    Args:
        run: Its name.
        curve: Its mean NLL, as in `Family`.
        segments: Its processes, one after another.
        values: More values of a step, which replace those of the family.
        blur: How much of the detail the outputs lose at each step, from 0 to 1.
        memory: The share of the GPU that its tensors need.
        ranks: Its ranks.
        baseline: The name of the training that it is compared with.
    """

    run: str
    curve: Callable[[np.ndarray, int], np.ndarray] = healthy
    segments: tuple[Segment, ...] = (Segment(),)
    values: Values = no_more
    blur: Callable[[int], float] = slightly
    memory: float = 0.5
    ranks: int = 1
    baseline: str = ""

    def steps(self, rank: int) -> dict[int, dict[str, float]]:
        """Return the values of all steps of a rank."""
        family = Family(self.run, self.curve, level=0.165, steps=STEPS, gauges=self._gauges)
        seed = sum(self.run.encode()) + rank
        reports = family.train(np.random.default_rng(seed), Noise(0.15))
        trained = {report.step: dict(report.values) for report in reports}
        for values in trained.values():
            values["total"] = values["nll"] + WEIGHTS["kl"] * values["kl"]
        return trained

    def _gauges(self, step: int, _onset: int) -> Mapping[str, float]:
        return {
            "kl": 9000.0,
            "learning_rate": 1e-4 * min(1.0, (step + 1) / WARM_UP_STEPS),
            "gradient_norm": 0.6 + 3 * np.exp(-step / 300),
            "epoch": step // 2000,
            **self.values(step),
        }


def crushed(sound: np.ndarray, onset: int) -> np.ndarray:
    """Return an NLL that rises to 1.1 as the latents lose their content."""
    past = np.maximum(np.arange(len(sound)) - onset, 0)
    return np.minimum(1.1, sound + past / 1500)


def _collapsing_kl(step: int) -> Mapping[str, float]:
    return {"kl": max(2.0, 9000.0 * float(np.exp(-max(step - ONSET, 0) / 150)))}


def _becoming_nan(step: int) -> Mapping[str, float]:
    return {name: float("nan") for name in ("nll", "rec", "perception", "total")} if step >= ONSET else {}


def _growing_gradient(step: int) -> Mapping[str, float]:
    return {"gradient_norm": 0.6 * 2 ** (min(max(step - ONSET, 0), 1500) / 300)}


def _adversarial(step: int) -> Mapping[str, float]:
    started = step >= ONSET
    return {
        "generator": -0.3 if started else 0.0,
        "discriminator": 1.0 + float(np.exp(-max(step - ONSET, 0) / 500)) if started else 0.0,
        "discriminator_factor": float(started),
        "loss_scale": 65536.0,
    }


def _blurring(step: int) -> float:
    return 0.1 + 0.6 * min(1.0, max(step - ONSET, 0) / 1000)


TRAININGS = (
    Training("bs4-kl1e-4-healthy"),
    Training("bs2-converging", segments=(Segment(HOUR - 180, 0, 360),)),
    Training("bs4-kl1e-6-diverging", doubling, values=_growing_gradient, memory=0.93),
    Training("bs4-kl1e-3-crushed", crushed, values=_collapsing_kl, baseline="bs4-kl1e-4-healthy"),
    Training("rec1-blurred", blur=_blurring),
    Training("bs4-lr1e-3-nan", values=_becoming_nan),
    Training("gan-from-3600", values=_adversarial),
    Training("bs8-finished", segments=(Segment(0, 0, 5000, "finished"),)),
    Training("bs16-failed", segments=(Segment(0, 0, 5400, "failed"),), memory=0.97),
    Training(
        "eight-ranks-resumed",
        segments=(Segment(0, 0, 3600, "terminated"), Segment(2100, 3000, 6000)),
        ranks=8,
    ),
)
