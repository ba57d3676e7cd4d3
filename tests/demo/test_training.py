from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
import torch

from vae_exporter.demo.losses import Losses
from vae_exporter.demo.training import DIVERGING_LEARNING_RATE, LEARNING_RATE, Training

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Use one thread: the order of a sum, and so its rounding, depends on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _nlls(training: Training, steps: int) -> list[float]:
    return [training.step().losses.nll.item() for _ in range(steps)]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_the_same_seed_gives_the_same_run() -> None:
    assert _nlls(Training(seed=3), 5) == _nlls(Training(seed=3), 5)


def test_another_seed_gives_another_run() -> None:
    assert _nlls(Training(seed=3), 1) != _nlls(Training(seed=4), 1)


def test_the_global_random_state_does_not_change() -> None:
    state = torch.get_rng_state()

    Training(seed=3).step()

    assert torch.equal(state, torch.get_rng_state())


def test_the_loss_starts_high_and_falls() -> None:
    nlls = _nlls(Training(), 60)

    assert nlls[0] > 2
    assert _mean(nlls[-10:]) < 1


def test_a_result_keeps_no_graph() -> None:
    result = Training().step()

    assert not any(getattr(result.losses, field.name).requires_grad for field in fields(Losses))
    assert not result.gradient_norm.requires_grad
    assert not result.inputs.requires_grad
    assert not result.outputs.requires_grad


def test_a_step_reports_finite_scalars_and_its_learning_rate() -> None:
    result = Training().step()

    values = [getattr(result.losses, field.name) for field in fields(Losses)] + [result.gradient_norm]
    assert all(value.shape == () and value.isfinite() for value in values)
    assert result.learning_rate == LEARNING_RATE


def test_the_probe_changes_only_with_the_model() -> None:
    training = Training(seed=0)
    before = training.probe()
    again = training.probe()
    training.step()
    after = training.probe()
    assert float(before.nll) == float(again.nll) != float(after.nll)


def test_a_probe_does_not_change_the_run() -> None:
    probed, unprobed = Training(seed=0), Training(seed=0)
    probed.probe()
    assert float(probed.step().losses.nll) == float(unprobed.step().losses.nll)


def test_the_gradient_norm_is_the_one_before_clipping() -> None:
    """The first gradients exceed the clipping threshold of 1."""
    assert Training().step().gradient_norm > 1


def test_a_learning_rate_set_between_steps_applies_to_the_next_one() -> None:
    training = Training()
    training.step()
    before = [parameter.clone() for parameter in training.model.parameters()]

    training.learning_rate = 0.0
    result = training.step()

    assert result.learning_rate == training.learning_rate == 0.0
    assert all(map(torch.equal, before, training.model.parameters()))


def test_the_diverging_learning_rate_ruins_a_learning_run() -> None:
    training = Training()
    learned = _mean(_nlls(training, 60)[-10:])

    training.learning_rate = DIVERGING_LEARNING_RATE
    nlls = _nlls(training, 30)

    assert _mean(nlls[-10:]) > 2 * learned
    assert torch.tensor(nlls).isfinite().all()
