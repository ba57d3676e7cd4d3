"""The loss of a video VAE, in the terms and the scale of the latent diffusion family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from vae_exporter.demo.model import DiagonalGaussian

LOSS_WEIGHTS = {"rec": 10.0, "perception": 1.0, "kl": 1e-4}
"""What each component counts for in the total."""

_SCALES = 3
_HALF_CONTRAST = 0.7  # the length of a pixel's gradient at which its feature is at 1 / sqrt(2) of its bound


@dataclass(frozen=True)
class Losses:
    """The losses of one batch: scalar tensors. *rec*, *perception* and *kl* are unweighted."""

    nll: Tensor
    rec: Tensor
    perception: Tensor
    kl: Tensor
    total: Tensor

    def detach(self) -> Losses:
        """Return the same numbers without the graph that made them."""
        return Losses(
            nll=self.nll.detach(),
            rec=self.rec.detach(),
            perception=self.perception.detach(),
            kl=self.kl.detach(),
            total=self.total.detach(),
        )


def vae_losses(inputs: Tensor, outputs: Tensor, posterior: DiagonalGaussian) -> Losses:
    """Return the losses of *outputs*, decoded from a sample of *posterior*, against *inputs*: both ``(B, 3, T, H, W)``.

    *rec* is the mean squared error of a pixel, *perception* is `perceptual_distance`, and *kl* is the mean over clips
    of the sum over latents, in nats. By `LOSS_WEIGHTS`, *nll* is 10 * rec + perception, and *total* is nll + 1e-4 * kl.
    """
    rec = functional.mse_loss(outputs, inputs)
    perception = perceptual_distance(inputs, outputs)
    kl = posterior.kl().mean()
    nll = LOSS_WEIGHTS["rec"] * rec + LOSS_WEIGHTS["perception"] * perception
    return Losses(nll=nll, rec=rec, perception=perception, kl=kl, total=nll + LOSS_WEIGHTS["kl"] * kl)


def perceptual_distance(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Compare the edges of two batches of clips, ``(B, 3, T, H, W)`` in [-1, 1], at three scales: a scalar from 0 to 4.

    A stand-in for LPIPS, which it is not: LPIPS compares what a trained network sees and was calibrated on people's
    judgement; nothing here was learned or calibrated. It shares the form: frame by frame, the squared distance of
    normalised features, averaged over positions and scales. A feature is the colour gradient of a pixel, divided by
    a length that grows with it, so that a faint edge counts by its contrast and a strong one only by being there.
    """
    x, y = (clips.transpose(1, 2).flatten(0, 1) for clips in (inputs, outputs))
    distances = []
    for scale in range(_SCALES):
        if scale:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        distances.append((_edges(x) - _edges(y)).square().sum(dim=1).mean())
    return torch.stack(distances).mean()


def _edges(frames: Tensor) -> Tensor:
    """Map ``(N, 3, H, W)`` to ``(N, 6, H - 1, W - 1)``, whose length over the 6 channels is below 1."""
    pixel, right, below = frames[:, :, :-1, :-1], frames[:, :, :-1, 1:], frames[:, :, 1:, :-1]
    gradient = torch.cat([right - pixel, below - pixel], dim=1)
    return gradient * torch.rsqrt(gradient.square().sum(dim=1, keepdim=True) + _HALF_CONTRAST**2)
