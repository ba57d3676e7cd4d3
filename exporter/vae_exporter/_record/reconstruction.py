"""Compares reconstructed frames with their inputs: sharpness, contrast and PSNR, as three numbers on their own device.

All three are taken of one sample of the frames, and nothing here waits for the device: no value is read, and no shape
depends on one. The arithmetic is slices, sums and products in float32, without a convolution: autocast turns none of
that into half precision, and cuDNN has nothing to try out.
"""

from __future__ import annotations

import math
import numbers
import sys
from typing import TYPE_CHECKING, Any

from vae_exporter._record.harvest import is_capturing, stream_module

if TYPE_CHECKING:
    from vae_exporter._process.failures import Failures

MAX_EDGE = 256
"""Height and width, in pixels, of what is looked at: the middle of a frame. It is cut out and not scaled down, as a
blur of a pixel or two is lost in a smaller picture, and leaving out pixels turns detail into false detail."""

MAX_VALUES = 24 * MAX_EDGE**2
"""How many values of the inputs, and as many of the outputs, are compared at most: 8 frames of 3 colours, 6 MiB."""

MIN_EDGE = 8
"""A frame smaller than this is none: its last axis is that of the colours, or it is a latent."""

MAX_DECIBELS = 100.0
"""The PSNR of what is equal, instead of infinity, as in libvpx (vp9/encoder/vp9_psnr.c)."""

FLAT = 1e-3
"""The standard deviation, and the mean gradient a pixel, as shares of the data's range, below which inputs are flat: a
quarter of a level of 8 bits. There is no ratio to nothing."""


class Reconstructions:
    """Decides at which steps frames are compared, and compares them.

    Args:
        failures: told of frames that are refused.
        torch: a stand-in for the module ``torch``; by default the one that the program has imported.
    """

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        self._failures = failures
        self._torch = torch
        self._tried: int | None = None  # the step of the last comparison, whatever came of it

    def is_due(self, step: int, every: object) -> bool:
        """Tell whether *step* is the first, *every* steps after the last comparison, or before it. Costs nothing."""
        steps = int(every) if isinstance(every, numbers.Integral) else 0  # to read a tensor would wait for its device
        if steps < 1:
            given = f"={every!r}" if isinstance(every, numbers.Real) else f" is of type {type(every).__name__}"
            self._drop("every", f"every{given}: give a whole number of steps, 1 at least")
            return False
        if self._tried is not None and self._tried <= step < self._tried + steps:
            return False
        self._tried = step
        return True

    def compare(self, inputs: Any, outputs: Any, data_range: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a user's
        """Return `ratios` of *inputs* and *outputs*; None where they are refused, which is told.

        Raises whatever torch does: there may be no memory left.
        """
        torch = self._torch or sys.modules.get("torch")
        fault = _range_fault(data_range) or _fault(torch, inputs, outputs)
        if fault:
            self._drop(*fault)
            return None
        if not inputs.is_cpu and is_capturing(stream_module(torch, inputs.device)):
            message = "frames inside a graph capture are not compared: give them after the graph's replay"
            self._failures.drop("capture", "reconstruction", message)
            return None
        return ratios(torch, inputs, outputs, float(data_range))

    def _drop(self, what: str, message: str) -> None:
        self._failures.drop("invalid", f"reconstruction: {what}", f"observe_reconstruction(): {message}")


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


def _range_fault(data_range: object) -> tuple[str, str] | None:
    if not isinstance(data_range, numbers.Real):
        return (
            "range",
            f"data_range is of type {type(data_range).__name__}: give the width of the values, 2.0 of [-1, 1]",
        )
    if not 0 < float(data_range) < math.inf:
        return "range", f"data_range={data_range!r}: give the width of the values, 2.0 of [-1, 1]"
    return None


def _fault(torch: Any, inputs: Any, outputs: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever a user gives
    """Return what is wrong with frames that cannot be compared: a word for it, and a message."""
    fault = _frames_fault(torch, "inputs", inputs) or _frames_fault(torch, "outputs", outputs)
    if fault:
        return fault
    if inputs.shape != outputs.shape:
        shapes = f"inputs are of shape {tuple(inputs.shape)}, outputs of {tuple(outputs.shape)}"
        return "shapes", f"{shapes}: cut both to what they share"
    if inputs.device != outputs.device:
        return "devices", f"inputs are on {inputs.device}, outputs on {outputs.device}: give both on one device"
    if not inputs.is_cpu and stream_module(torch, inputs.device) is None:
        return "device", f"frames on {inputs.device} cannot be compared without waiting for it: give copies on the CPU"
    return None


def _frames_fault(torch: Any, name: str, frames: Any) -> tuple[str, str] | None:  # noqa: ANN401 - likewise
    if torch is None or not isinstance(frames, torch.Tensor):
        return f"{name}' type", f"{name} are of type {type(frames).__name__}: give a torch tensor"
    if hasattr(frames, "full_tensor"):  # to gather it would wait for the other ranks
        return f"{name}' ranks", f"{name} are a DTensor, spread over ranks: give {name}.to_local()"
    if frames.is_meta:
        return f"{name}' device", f"{name} are on the device meta, which holds no values"
    if not frames.is_floating_point():
        return f"{name}' dtype", f"{name} are of {frames.dtype}: give floating point, as the loss takes them"
    if frames.dim() < 2 or min(frames.shape[-2:]) < MIN_EDGE or not frames.numel():  # noqa: PLR2004 - height, width
        message = f"{name} are of shape {tuple(frames.shape)}: the last two axes must be height and width"
        return f"{name}' shape", f"{message}, of {MIN_EDGE} pixels at least"
    return None
