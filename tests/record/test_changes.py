"""The step at which the discriminator started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulated_training import Training


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
def test_the_start_is_the_first_step_whose_factor_is_not_zero(
    training: Training, factors: list[float], start: int | None
) -> None:
    for step, factor in enumerate(factors):
        training.observe(step, nll=0.2, discriminator_factor=factor)
    assert training.facts.changes.discriminator_start == start
