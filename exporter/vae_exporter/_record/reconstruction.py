"""Measures how faithful a reconstruction is to its input: sharpness, contrast and PSNR.

All three are computed on the device of the frames, from one sample of them. Nothing here waits for the device: no value
is read, and no shape depends on a value. The arithmetic is slices, sums and products in float32. It avoids convolution,
which autocast would run in half precision and cuDNN would benchmark.
"""

from __future__ import annotations

import math
from typing import Any

MAX_EDGE = 256
"""The largest height and width, in pixels, of the center crop that is compared. Frames are cropped, not downscaled:
averaging pixels would hide a blur of a pixel or two, and skipping pixels would alias detail."""

MAX_VALUES = 24 * MAX_EDGE**2
"""The most values of the inputs, and likewise of the outputs, that are compared: 8 frames of 3 colors, 6 MiB."""

MAX_DECIBELS = 100.0
"""The PSNR of equal frames, instead of infinity, as in libvpx (vp9/encoder/vp9_psnr.c)."""

FLAT = 1e-3
"""Inputs are flat, and have no ratios, if their standard deviation or RMS gradient per pixel is at most this fraction
of the data range. It is a quarter of an 8-bit level."""


def ratios(torch: Any, inputs: Any, outputs: Any, data_range: float) -> dict[str, Any]:  # noqa: ANN401 - not imported
    """Compare *outputs* with *inputs*, tensors ``(..., H, W)`` of one shape, and return scalar tensors in float32.

    x and y are the sampled inputs and outputs. Means are over all pixels and planes, where a plane is one color of one
    frame.

    * ``sharpness_ratio``: sqrt(mean(|grad y|**2) / mean(|grad x|**2)) with the Sobel gradient, whose mean square is
      Tenenbaum's measure of focus (Krotkov, "Focusing", International Journal of Computer Vision 1, 1988). The Sobel
      gradient smooths across its direction, so single-pixel noise, which a VAE does not reproduce, counts a tenth of
      what it would in a difference of two pixels. The root makes the ratio linear: half the gradient gives 0.5.
    * ``contrast_ratio``: sqrt(mean(var(y)) / mean(var(x))), with the variance of each plane. Uniform frames, such as
      black or gray ones, have no contrast.
    * ``psnr_decibels``: 10 log10(data_range**2 / mean((y - x)**2)), at most `MAX_DECIBELS`.

    The ratios are NaN if the inputs are `FLAT`.
    """
    flat = FLAT * data_range
    with torch.no_grad():
        x, y = (sample(frames).to(torch.float32) for frames in (inputs, outputs))
        squared_error = (y - x).square().mean()
        return {
            "sharpness_ratio": _root_of_ratio(_gradient_energy(y), _gradient_energy(x), flat**2),
            "contrast_ratio": _root_of_ratio(_variance(y), _variance(x), flat**2),
            "psnr_decibels": (10 * torch.log10(data_range**2 / squared_error)).clamp(max=MAX_DECIBELS),
        }


def sample(frames: Any) -> Any:  # noqa: ANN401 - a tensor
    """Return a view of *frames*, ``(..., H, W)``: the center of frames that are evenly spaced along each leading axis.

    It has at most `MAX_VALUES` values. Tensors of one shape are sampled at the same places.
    """
    for axis in (-2, -1):
        edge = min(frames.shape[axis], MAX_EDGE)
        frames = frames.narrow(axis, (frames.shape[axis] - edge) // 2, edge)
    while frames.numel() > MAX_VALUES:
        leading = frames.shape[:-2]
        axis = leading.index(max(leading))
        frames = frames[(slice(None),) * axis + (slice(None, None, 2),)]
    return frames


def _gradient_energy(frames: Any) -> Any:  # noqa: ANN401 - a tensor
    """Return the mean square of the Sobel gradient per pixel."""
    down = frames[..., :-2, :] + 2 * frames[..., 1:-1, :] + frames[..., 2:, :]
    energy = (down[..., 2:] - down[..., :-2]).square().mean()
    across = frames[..., :-2] + 2 * frames[..., 1:-1] + frames[..., 2:]
    energy = energy + (across[..., 2:, :] - across[..., :-2, :]).square().mean()
    return energy / 64  # the kernel sums 4 pixels, over a distance of 2


def _variance(frames: Any) -> Any:  # noqa: ANN401 - a tensor
    return frames.var(dim=(-2, -1), correction=0).mean()


def _root_of_ratio(part: Any, whole: Any, least: float) -> Any:  # noqa: ANN401 - tensors
    # Not torch.where, which would copy the NaN to the device and wait for the copy.
    return (part / whole).sqrt().masked_fill(whole <= least, math.nan)
