"""How faithful a reconstruction is to its input: sharpness, contrast and PSNR, as three numbers on their own device.

All three are computed from one sample of the frames, and nothing here waits for the device: no value is read, and no
shape depends on one. The arithmetic is slices, sums and products in float32, without a convolution: autocast turns none
of that into half precision, and cuDNN has nothing to try out.
"""

from __future__ import annotations

import math
from typing import Any

MAX_EDGE = 256
"""Height and width, in pixels, of what is looked at: the middle of a frame. It is cut out and not scaled down, as a
blur of a pixel or two is lost in a smaller picture, and leaving out pixels turns detail into false detail."""

MAX_VALUES = 24 * MAX_EDGE**2
"""How many values of the inputs, and as many of the outputs, are compared at most: 8 frames of 3 colours, 6 MiB."""

MAX_DECIBELS = 100.0
"""The PSNR of what is equal, instead of infinity, as in libvpx (vp9/encoder/vp9_psnr.c)."""

FLAT = 1e-3
"""The standard deviation, and the mean gradient a pixel, as shares of the data's range, below which inputs are flat: a
quarter of a level of 8 bits. There is no ratio to nothing."""


def ratios(torch: Any, inputs: Any, outputs: Any, data_range: float) -> dict[str, Any]:  # noqa: ANN401 - not imported
    """Return what *outputs* have kept of *inputs*, tensors ``(..., H, W)`` of one shape, as scalar tensors in float32.

    With x and y the sampled inputs and outputs, and all means over every pixel and plane (a frame's one colour):

    * ``sharpness_ratio``: sqrt(mean(|grad y|**2) / mean(|grad x|**2)), the gradient being Sobel's. Its mean square is
      Tenenbaum's measure of focus (Krotkov, "Focusing", International Journal of Computer Vision 1, 1988). Sobel's
      gradient is smooth across its direction: of the noise of single pixels, which no VAE reproduces and nobody misses,
      it sees a tenth of what the difference of two pixels does. The root makes it linear: half as steep is 0.5.
    * ``contrast_ratio``: sqrt(mean(var(y)) / mean(var(x))), each variance over one plane. Black and gray frames have
      none, whatever their shade.
    * ``psnr_decibels``: 10 log10(data_range**2 / mean((y - x)**2)), `MAX_DECIBELS` at most.

    The ratios are NaN where the inputs are `FLAT`.
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
    """Return a view of the middle of some of *frames*, ``(..., H, W)``: evenly spaced along every leading axis.

    It has `MAX_VALUES` values at most, and is the same of all tensors of one shape.
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
    """Return the mean square of Sobel's gradient, in the frames' unit a pixel."""
    down = frames[..., :-2, :] + 2 * frames[..., 1:-1, :] + frames[..., 2:, :]
    energy = (down[..., 2:] - down[..., :-2]).square().mean()
    across = frames[..., :-2] + 2 * frames[..., 1:-1] + frames[..., 2:]
    energy = energy + (across[..., 2:, :] - across[..., :-2, :]).square().mean()
    return energy / 64  # the smoothing adds up 4 pixels, over a distance of 2


def _variance(frames: Any) -> Any:  # noqa: ANN401 - a tensor
    return frames.var(dim=(-2, -1), correction=0).mean()


def _root_of_ratio(part: Any, whole: Any, least: float) -> Any:  # noqa: ANN401 - tensors
    # Not torch.where, which would copy the NaN to the device, and wait for that.
    return (part / whole).sqrt().masked_fill(whole <= least, math.nan)
