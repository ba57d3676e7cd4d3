"""Generated clips of colored discs and boxes that move over a shaded background."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

SENSOR_NOISE = 0.07
"""Standard deviation of the noise in each pixel. Pixels are in [-1, 1].

The noise is independent in each frame, so no model can get a mean squared error below its variance, 0.0049.
"""

_SHAPES = 2
_EDGE = 3.0  # width in pixels of the soft edge of a shape, as if out of focus


@dataclass(frozen=True)
class MovingShapes:
    """An endless stream of batches of clips. A *generator* in the same state yields the same clips.

    *size* is the height and width of a frame in pixels.
    """

    generator: torch.Generator
    batch_size: int = 8
    frames: int = 5
    size: int = 24

    def batch(self) -> Tensor:
        """Return the next clips: ``(batch_size, 3, frames, size, size)``, float32 in [-1, 1]."""
        clips = self._background()
        for _ in range(_SHAPES):
            cover = self._shape()
            clips = torch.lerp(clips, self._colours(), cover)
        noise = torch.randn(clips.shape, generator=self.generator)
        return (clips + SENSOR_NOISE * noise).clamp(-1, 1)

    def _background(self) -> Tensor:
        """Return a gradient between two colors, in a random direction for each clip: ``(B, 3, T, H, W)``."""
        direction = self._uniform(0, 2 * pi)
        x, y = self._pixels()
        share = 0.5 + (x * direction.cos() + y * direction.sin()) / self.size
        still = torch.lerp(self._colours(), self._colours(), share)
        return still.expand(-1, -1, self.frames, -1, -1)

    def _shape(self) -> Tensor:
        """Return how much of each pixel a moving disc or box covers, from 0 to 1: ``(B, 1, T, H, W)``."""
        time = torch.arange(self.frames).view(-1, 1, 1) - (self.frames - 1) / 2
        reach, speed = self.size / 4, self.size / 16
        x, y = (
            (pixel - self._uniform(-reach, reach) - time * self._uniform(-speed, speed)).abs()
            for pixel in self._pixels()
        )
        is_disc = self._uniform(-1, 1) < 0
        distance = torch.where(is_disc, torch.hypot(x, y), torch.maximum(x, y))
        radius = self._uniform(self.size / 8, self.size / 4)
        return ((radius - distance) / _EDGE + 0.5).clamp(0, 1)

    def _colours(self) -> Tensor:
        """Return one color for each clip, with headroom for the noise: ``(B, 3, 1, 1, 1)``."""
        return 1.4 * torch.rand((self.batch_size, 3, 1, 1, 1), generator=self.generator) - 0.7

    def _uniform(self, low: float, high: float) -> Tensor:
        """Return one random number for each clip: ``(B, 1, 1, 1, 1)``."""
        return low + (high - low) * torch.rand((self.batch_size, 1, 1, 1, 1), generator=self.generator)

    def _pixels(self) -> tuple[Tensor, Tensor]:
        """Return the x and y of the pixels, in pixels from the center of the frame: ``(1, W)`` and ``(H, 1)``."""
        position = torch.arange(self.size) - (self.size - 1) / 2
        return position.view(1, -1), position.view(-1, 1)
