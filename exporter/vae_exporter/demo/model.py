"""A causal 3-D convolutional video VAE, small enough to train on one CPU core."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

LOGVAR_RANGE = (-30.0, 20.0)
"""The range to which latent diffusion clamps the log variance (``ldm/modules/distributions/distributions.py``)."""

_PATCH = 4  # height and width in pixels of the patch that one latent position encodes


class CausalConv3d(nn.Conv3d):
    """A 3x3x3 convolution in which frame t depends on frames t-2 to t only.

    The first frame is repeated as padding, so a still image is encoded like a video without motion.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=3, padding=(0, 1, 1))

    def forward(self, video: Tensor) -> Tensor:
        """Map ``(B, channels_in, T, H, W)`` to ``(B, channels_out, T, H, W)``."""
        past = video[:, :, :1].expand(-1, -1, 2, -1, -1)
        return super().forward(torch.cat([past, video], dim=2))


class ChannelNorm(nn.Module):
    """Scale the channels at each position to a root mean square of 1, then by a learned gain.

    The group norm of image VAEs would leak the future into the past, because it averages over the whole clip.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, 1, 1, 1))

    def forward(self, video: Tensor) -> Tensor:
        """Map ``(B, channels, T, H, W)`` to the same shape."""
        mean_square = video.square().mean(dim=1, keepdim=True)
        return video * torch.rsqrt(mean_square + 1e-6) * self.gain


class ResidualBlock(nn.Module):
    """Two normalized convolutions with a skip connection, initialized to the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = CausalConv3d(channels, channels)
        nn.init.zeros_(last.weight)
        self.change = nn.Sequential(
            ChannelNorm(channels),
            nn.SiLU(),
            CausalConv3d(channels, channels),
            ChannelNorm(channels),
            nn.SiLU(),
            last,
        )

    def forward(self, video: Tensor) -> Tensor:
        """Map ``(B, channels, T, H, W)`` to the same shape."""
        change: Tensor = self.change(video)
        return video + change


@dataclass(frozen=True)
class DiagonalGaussian:
    """The posterior q(z|x) of a batch: independent normal latents. Both fields are ``(B, C, T, H, W)``."""

    mean: Tensor
    logvar: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw latents by the reparameterization trick, so gradients reach the mean and the log variance."""
        noise = torch.randn(self.mean.shape, generator=generator)
        return self.mean + torch.exp(0.5 * self.logvar) * noise

    def kl(self) -> Tensor:
        """Return KL(q(z|x) || N(0, 1)) of each clip in nats, summed over its latents: ``(B,)``."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar).flatten(1).sum(dim=1)


class CausalVideoVae(nn.Module):
    """A VAE that encodes each 4x4 patch of a frame as *latents* numbers, given the frames before it.

    Time is not compressed, so no output frame depends on a later input frame. The last layer is linear, so outputs can
    leave the range of a pixel.
    """

    def __init__(self, *, channels: int = 24, latents: int = 4) -> None:
        super().__init__()
        patch_values = 3 * _PATCH**2
        self.encoder = nn.Sequential(
            CausalConv3d(patch_values, channels),
            ResidualBlock(channels),
            CausalConv3d(channels, 2 * latents),
        )
        self.decoder = nn.Sequential(
            CausalConv3d(latents, channels),
            ResidualBlock(channels),
            ChannelNorm(channels),
            nn.SiLU(),
            CausalConv3d(channels, patch_values),
        )

    def forward(self, clips: Tensor, generator: torch.Generator) -> tuple[Tensor, DiagonalGaussian]:
        """Return the reconstructions of *clips* from sampled latents, and the posterior."""
        posterior = self.encode(clips)
        return self.decode(posterior.sample(generator)), posterior

    def encode(self, clips: Tensor) -> DiagonalGaussian:
        """Map *clips*, ``(B, 3, T, H, W)``, to their posterior, ``(B, latents, T, H / 4, W / 4)``."""
        patches = functional.pixel_unshuffle(clips.transpose(1, 2), _PATCH).transpose(1, 2)
        mean, logvar = self.encoder(patches).chunk(2, dim=1)
        return DiagonalGaussian(mean, logvar.clamp(*LOGVAR_RANGE))

    def decode(self, latents: Tensor) -> Tensor:
        """Map *latents*, ``(B, latents, T, H / 4, W / 4)``, to clips, ``(B, 3, T, H, W)``."""
        patches: Tensor = self.decoder(latents)
        return functional.pixel_shuffle(patches.transpose(1, 2), _PATCH).transpose(1, 2)
