"""The values of a loss whose batches come from several groups."""

from __future__ import annotations

import random

import pytest

from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._record.mixture import KNOWN_VALUES, MAX_GROUPS, Mixture
from vae_exporter._record.training_values import TrainingValues
from vae_exporter._record.windows import JUDGED

LEVELS = {"images": 0.07, "256px": 0.17, "512px": 0.34}
LONG = 100


def mixture(steps: int, block: int, *, factors: dict[str, float] | None = None, after: int = 0) -> Mixture:
    """Return a mixture of blocks of *block* steps, whose groups are multiplied by *factors* *after* some steps."""
    rng = random.Random(0)  # noqa: S311 - the same order each time
    values = Mixture()
    group = "images"
    for step in range(steps):
        if step % block == 0:
            group = rng.choice(list(LEVELS))
        factor = (factors or {}).get(group, 1.0) if step >= after else 1.0
        values.append(step, LEVELS[group] * factor, group)
        if step % 10 == 9:
            values.hold(LONG)
    return values


def newest(values: Mixture) -> float:
    assert values.newest is not None
    mean = values.mean(values.newest - LONG + 1, values.newest)
    assert mean is not None
    return mean


@pytest.mark.parametrize("block", [1, 40, 150])
def test_the_order_of_unchanged_groups_is_no_rise(block: int) -> None:
    values = mixture(3000, block)
    levels = values.hold(LONG)
    assert levels is not None
    assert levels[0] == pytest.approx(newest(values))


def test_now_and_before_have_the_same_shares() -> None:
    values = mixture(2000, 150)
    assert values.mean(1000, 1099) == pytest.approx(newest(values))


def test_a_new_group_is_no_rise() -> None:
    values = mixture(2000, 1)
    for step in range(2000, 2000 + 5 * KNOWN_VALUES):
        values.append(step, 1.5, "1024px")
        values.hold(LONG)
    levels = values.hold(LONG)
    assert levels is not None
    assert levels[0] is not None
    assert newest(values) <= 1.001 * levels[0]


def test_a_group_that_rises_is_named_and_counts_by_its_share() -> None:
    values = mixture(4000, 1, factors={"512px": 2.0}, after=3000)
    assert values.risen(LONG) == {"512px": pytest.approx(2.0)}
    assert newest(values) == pytest.approx((0.07 + 0.17 + 0.68) / 3, rel=0.1)


def test_steps_that_are_trained_again_replace_the_old_ones() -> None:
    values = mixture(1000, 1)
    values.drop_from(500)
    assert values.newest == 499
    values.append(500, 0.07, "images")
    assert values.newest == 500


def test_a_copy_does_not_follow() -> None:
    values = mixture(500, 1)
    copied = values.copy()
    before = newest(copied)
    for step in range(500, 700):
        values.append(step, 9.0, "512px")
    assert newest(copied) == before


def test_more_groups_than_it_keeps_share_the_last_one() -> None:
    values = Mixture()
    for step in range(2 * MAX_GROUPS):
        values.append(step, 1.0, f"group {step}")
    assert len(values.groups) == MAX_GROUPS


def test_a_group_without_evidence_is_not_named() -> None:
    values = Mixture()
    for step in range(KNOWN_VALUES - 1):
        values.append(step, 1.0, "rare")
    assert values.risen(LONG) == {}
    assert values.mean(0, KNOWN_VALUES - 2) is None


def test_the_training_judges_groups_like_with_like() -> None:
    training = TrainingValues(LossDefinition())
    for step in range(3000):
        group = "easy" if step // 200 % 2 else "hard"
        training.record(step, {"nll": 0.1 if group == "easy" else 0.4}, group)
    means = {(mean.component, mean.window, mean.lag): mean.value for mean in training.windows().means()}
    assert means[(JUDGED, "long", "0")] == pytest.approx(0.25, rel=0.15)
    assert means[(JUDGED, "long", "0")] == pytest.approx(means[(JUDGED, "long", "3")])
    assert training.level_facts().held == pytest.approx(means[(JUDGED, "long", "0")], rel=0.15)
