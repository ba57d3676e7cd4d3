"""Frames to compare: inputs of a VAE, and blurred ones."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from vae_exporter.demo.clips import MovingShapes


def shapes(seed: int = 0, size: int = 64) -> torch.Tensor:
    """Return clips of moving shapes with sensor noise, ``(2, 3, 5, size, size)`` in [-1, 1]."""
    return MovingShapes(torch.Generator().manual_seed(seed), batch_size=2, size=size).batch()


def texture(seed: int = 0, size: int = 128) -> torch.Tensor:
    """Return frames with the spectrum of photographs, whose amplitude falls as 1/f: ``(4, 3, size, size)``.

    (Field, "Relations between the statistics of natural images", Journal of the Optical Society of America A 4, 1987.)
    """
    noise = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(seed))
    frequency = torch.hypot(torch.fft.fftfreq(size).view(-1, 1), torch.fft.rfftfreq(size).view(1, -1))
    frequency[0, 0] = 1
    frames: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(noise) / frequency, s=(size, size))
    return 0.4 * frames / frames.std()


def blurred(frames: torch.Tensor, sigma: float) -> torch.Tensor:
    """Return *frames*, ``(..., H, W)``, blurred by a Gaussian kernel."""
    reach = math.ceil(4 * sigma)
    kernel = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    planes = functional.pad(frames.reshape(-1, 1, *frames.shape[-2:]), (reach,) * 4, mode="replicate")
    planes = functional.conv2d(planes, kernel.view(1, 1, 1, -1))
    return functional.conv2d(planes, kernel.view(1, 1, -1, 1)).reshape(frames.shape)
