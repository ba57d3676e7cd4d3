"""When what shapes the loss last changed."""

from __future__ import annotations

import pytest

from vae_exporter._record.changes import Changes
from vae_exporter._record.facts import ChangeFacts


def follow(gauge: str, *values: float | None) -> Changes:
    changes = Changes()
    for step, value in enumerate(values):
        changes.record(step, {} if value is None else {gauge: value})
    return changes


@pytest.mark.parametrize(
    ("factors", "start"),
    [
        ([0.0, 0.0, 0.5, 0.5], 2),
        ([0.0, 0.5, 0.0, 0.5], 3),  # the newest start
        ([0.5, 0.5, 0.5, 0.5], None),  # it had started before
        ([0.0, 0.5, 0.5, 0.0], None),  # it has ended
        ([0.0, 0.0, 0.0, 0.0], None),
    ],
)
def test_the_discriminator_starts_where_its_factor_is_first_not_zero(factors: list[float], start: int | None) -> None:
    expected = {} if start is None else {"discriminator": ChangeFacts(start, start)}
    assert follow("discriminator_factor", *factors).facts() == expected


@pytest.mark.parametrize("gauge", ["learning_rate", "kl_weight"])
@pytest.mark.parametrize(
    ("values", "change"),
    [
        ([1.0, 1.0, 2.0, 2.0], (2, 2)),
        ([1.0, 2.0, 3.0, 4.0, 4.0], (1, 3)),  # a warm-up
        ([1.0, 2.0, 2.0, 3.0, 4.0], (3, 4)),  # the newest rise
        ([1.0, None, 2.0, None], (2, 2)),  # reported now and then
        ([2.0, 1.0, 1.0], None),  # a fall
        ([1.0, 2.0, 1.5], (1, 1)),  # a rise, and a fall after it
    ],
)
def test_a_rise_has_a_first_and_a_last_step(
    gauge: str, values: list[float | None], change: tuple[int, int] | None
) -> None:
    assert follow(gauge, *values).facts() == ({} if change is None else {gauge: ChangeFacts(*change)})


def test_the_loss_scale_changes_where_it_is_lowered() -> None:
    assert follow("loss_scale", 1024.0, 2048.0, 1024.0, 2048.0).facts() == {"loss_scale": ChangeFacts(2, 2)}


def test_another_gauge_is_no_change() -> None:
    assert follow("gradient_norm", 1.0, 2.0).facts() == {}


def test_going_back_forgets_what_changed_from_there_on() -> None:
    changes = follow("learning_rate", 1.0, 2.0, 3.0, 4.0)
    changes.note("stage", 3)
    changes.go_back_to(3)
    assert changes.facts() == {"learning_rate": ChangeFacts(1, 2)}

    changes.record(3, {"learning_rate": 1.0})
    assert changes.facts() == {"learning_rate": ChangeFacts(1, 2)}
