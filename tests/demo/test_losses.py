from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vae_exporter.demo.losses import LOSS_WEIGHTS, Losses, perceptual_distance, vae_losses
from vae_exporter.demo.model import DiagonalGaussian


def _clips(seed: int) -> Tensor:
    return torch.rand((2, 3, 5, 24, 24), generator=torch.Generator().manual_seed(seed)) * 2 - 1


def _posterior(mean: float) -> DiagonalGaussian:
    return DiagonalGaussian(torch.full((2, 4, 5, 6, 6), mean), torch.zeros((2, 4, 5, 6, 6)))


def test_the_weights_match_the_default_bands() -> None:
    assert LOSS_WEIGHTS == {"rec": 10.0, "perception": 1.0, "kl": 1e-4}


def test_a_perfect_reconstruction_costs_only_its_kl() -> None:
    losses = vae_losses(_clips(0), _clips(0), _posterior(0.5))

    assert losses.rec == losses.perception == losses.nll == 0
    torch.testing.assert_close(losses.total, 1e-4 * losses.kl)


def test_nll_and_total_are_weighted_sums() -> None:
    losses = vae_losses(_clips(0), _clips(1), _posterior(0.5))

    torch.testing.assert_close(losses.nll, 10 * losses.rec + losses.perception)
    torch.testing.assert_close(losses.total, losses.nll + 1e-4 * losses.kl)


def test_rec_is_the_mean_squared_error_per_pixel() -> None:
    inputs = torch.zeros((2, 3, 5, 24, 24))

    assert vae_losses(inputs, inputs + 0.5, _posterior(0)).rec == 0.25


def test_kl_is_summed_over_latents_and_averaged_over_clips() -> None:
    losses = vae_losses(_clips(0), _clips(1), _posterior(2))

    torch.testing.assert_close(losses.kl, torch.tensor(4 * 5 * 6 * 6 * 2.0))


def test_every_loss_is_a_scalar() -> None:
    losses = vae_losses(_clips(0), _clips(1), _posterior(0.5))

    assert [getattr(losses, field.name).shape for field in fields(Losses)] == [()] * 5


def test_detached_losses_keep_no_graph() -> None:
    outputs = _clips(1).requires_grad_()

    losses = vae_losses(_clips(0), outputs, _posterior(0.5)).detach()

    assert not any(getattr(losses, field.name).requires_grad for field in fields(Losses))


def test_the_perceptual_distance_is_symmetric_and_bounded() -> None:
    black_and_white = torch.where(_clips(0) > 0, 1e3, -1e3)

    forth = perceptual_distance(black_and_white, -black_and_white)
    back = perceptual_distance(-black_and_white, black_and_white)

    assert 0 < forth <= 4
    torch.testing.assert_close(forth, back)


def test_the_perceptual_distance_ignores_brightness() -> None:
    torch.testing.assert_close(perceptual_distance(_clips(0), _clips(0) + 0.3), torch.tensor(0.0), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_perceptual_distance_detects_blur(kernel: int) -> None:
    clips = _clips(0)
    frames = clips.transpose(1, 2).flatten(0, 1)
    blurred = functional.avg_pool2d(frames, kernel, stride=1, padding=kernel // 2, count_include_pad=False)
    blurred = blurred.reshape(2, 5, 3, 24, 24).transpose(1, 2)

    assert perceptual_distance(clips, blurred) > 0.1
