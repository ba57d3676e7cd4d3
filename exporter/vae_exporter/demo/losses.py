"""The loss of a video VAE, with the terms and scale that latent diffusion models use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from vae_exporter.demo.model import DiagonalGaussian

LOSS_WEIGHTS = {"rec": 10.0, "perception": 1.0, "kl": 1e-4}
"""The weight of each component in the total loss."""

_SCALES = 3
_HALF_CONTRAST = 0.7  # gradient magnitude at which a feature reaches 1 / sqrt(2) of its upper bound


@dataclass(frozen=True)
class Losses:
    """The losses of one batch: scalar tensors. *rec*, *perception* and *kl* are unweighted."""

    nll: Tensor
    rec: Tensor
    perception: Tensor
    kl: Tensor
    total: Tensor

    def detach(self) -> Losses:
        """Return the same losses, detached from the graph."""
        return Losses(
            nll=self.nll.detach(),
            rec=self.rec.detach(),
            perception=self.perception.detach(),
            kl=self.kl.detach(),
            total=self.total.detach(),
        )


def vae_losses(inputs: Tensor, outputs: Tensor, posterior: DiagonalGaussian) -> Losses:
    """Compare *outputs*, decoded from a sample of *posterior*, with *inputs*. Both are ``(B, 3, T, H, W)``.

    *rec* is the mean squared error per pixel, *perception* is `perceptual_distance`, and *kl* is summed over the
    latents and averaged over the clips, in nats. With `LOSS_WEIGHTS`, *nll* is 10 * rec + perception, and *total* is
    nll + 1e-4 * kl.
    """
    rec = functional.mse_loss(outputs, inputs)
    perception = perceptual_distance(inputs, outputs)
    kl = posterior.kl().mean()
    nll = LOSS_WEIGHTS["rec"] * rec + LOSS_WEIGHTS["perception"] * perception
    return Losses(nll=nll, rec=rec, perception=perception, kl=kl, total=nll + LOSS_WEIGHTS["kl"] * kl)


def perceptual_distance(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Compare the edges of two batches of clips at three scales, and return a scalar from 0 to 4.

    The clips are ``(B, 3, T, H, W)`` in [-1, 1]. This is a substitute for LPIPS: it also averages the squared distance
    of normalized features over positions and scales, but the features are neither learned nor calibrated on human
    judgment. A feature is the color gradient at a pixel, normalized so that the contrast matters for faint edges and
    not for strong ones.
    """
    x, y = (clips.transpose(1, 2).flatten(0, 1) for clips in (inputs, outputs))
    distances = []
    for scale in range(_SCALES):
        if scale:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        distances.append((_edges(x) - _edges(y)).square().sum(dim=1).mean())
    return torch.stack(distances).mean()


def _edges(frames: Tensor) -> Tensor:
    """Map ``(N, 3, H, W)`` to ``(N, 6, H - 1, W - 1)``, with a norm below 1 over the 6 channels."""
    pixel, right, below = frames[:, :, :-1, :-1], frames[:, :, :-1, 1:], frames[:, :, 1:, :-1]
    gradient = torch.cat([right - pixel, below - pixel], dim=1)
    return gradient * torch.rsqrt(gradient.square().sum(dim=1, keepdim=True) + _HALF_CONTRAST**2)
