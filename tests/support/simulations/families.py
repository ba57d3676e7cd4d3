"""The families of simulated trainings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulations.curves import (
    doubling,
    doubling_in_a_stage,
    drift,
    earlier_hard_data,
    fivefold,
    halving,
    hard_data,
    healthy,
    improving_validation,
    jump,
    level_validation,
    lone_outlier,
    next_stage,
    rising_validation,
    slight_rise,
    slow_rise,
    swinging,
    twelvefold,
)
from simulations.family import DENSE_STEPS, SPARSE_STEPS, SPARSEST_STEPS, Family
from simulations.noise import CORRELATED, DENSE, STRONGLY_CORRELATED, Noise

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRAPE_STEPS = (3, 12, 75, 300, 750, 3000)
"""Steps from one scrape to the next: 5, 0.2 and 0.02 s a step, with a scrape each 15 and each 60 s."""

PROBE_STEPS = (10, 50, 99)

SHORT_MEANS = 20
"""Steps of a printed mean up to which one outlier differs from a rise: a longer mean hides which of them it was."""

EVALUATIONS = 60
"""Evaluations of a run that is validated."""


def _warm_up(step: int, onset: int) -> Mapping[str, float]:
    return {"learning_rate": 1e-4 * min(step, onset) / onset}


def _discriminator_before(step: int, onset: int) -> Mapping[str, float]:
    return {"discriminator_factor": float(step >= onset - 1000)}


def _discriminator(step: int, onset: int) -> Mapping[str, float]:
    return {"discriminator_factor": float(step >= onset)}


def _kl_schedule(step: int, onset: int) -> float:
    return 1e-6 * (1 + 9 * min(1.0, max(0, step - onset + 100) / 500))


def _kl_explosion(step: int, onset: int) -> float:
    return float(30.0 * 10 ** min(8.0, max(0, step - onset) / 12))


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
        Family(
            f"{name}, means of {every} steps",
            curve,
            level,
            every=every,
            is_averaged=True,
            is_damaged=damaged,
            is_promised=every <= SHORT_MEANS,
        )
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
        for name, curve, damaged in (("healthy", healthy, False), ("fivefold", fivefold, True))
    ),
    *(
        Family(
            f"{name}, validated each {every} steps",
            curve,
            steps=EVALUATIONS * every,
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
        gauges=_discriminator_before,
    ),
    Family("healthy, strongly correlated", healthy, 0.20, noises=STRONGLY_CORRELATED, is_promised=False),
    Family("healthy, a new stage", next_stage, level=0.16, stages=(1,)),
    Family("doubling in a stage", doubling_in_a_stage, level=0.16, stages=(0.5,), is_damaged=True),
    Family("healthy, the KL weight rises by schedule", slight_rise, kl_weight=_kl_schedule),
    Family("doubling as the KL weight rises", doubling, is_damaged=True, cause="kl_weight", kl_weight=_kl_schedule),
    Family("KL explosion", healthy, is_damaged=True, alert="VaeKlAbnormal", kl=_kl_explosion),
    Family("KL explosion at the start", healthy, steps=200, is_damaged=True, alert="VaeKlAbnormal", kl=_kl_explosion),
    Family(
        "perception rises slowly after the discriminator",
        slow_rise,
        steps=2 * DENSE_STEPS,
        is_damaged=True,
        cause="discriminator",
        parts=(0.0, 1.0),
        gauges=_discriminator,
    ),
    Family("swinging", swinging, is_damaged=True, steps=6000, noises=DENSE[:2]),
    *(
        Family("hard data, probed", hard_data, is_damaged=True, cause="data", probe_every=every, probe_is_sound=True)
        for every in (50,)
    ),
    Family("hard data, as in the run before", hard_data, is_damaged=True, cause="data", before=hard_data),
    Family(
        "hard data, as in the run before, correlated",
        hard_data,
        is_damaged=True,
        cause="data",
        before=hard_data,
        noises=CORRELATED,
    ),
    *(
        Family(
            f"{name}, the run before {had}{_correlated}",
            curve,
            is_damaged=True,
            wrong_cause="data",
            before=before,
            noises=noises,
        )
        for name, curve in _DAMAGES
        for had, before in (("was sound", healthy), ("had hard data", earlier_hard_data), ("diverged too", curve))
        for noises, _correlated in ((DENSE, ""), (CORRELATED, ", correlated"))
    ),
    *(
        Family(
            f"doubling, a probe each {every} steps, a scrape each {apart} steps",
            doubling,
            steps=max(DENSE_STEPS, 20 * apart),
            is_damaged=True,
            wrong_cause="data",
            probe_every=every,
            scrape_steps=apart,
            noises=DENSE[:2],
        )
        for every in PROBE_STEPS
        for apart in SCRAPE_STEPS
    ),
)
