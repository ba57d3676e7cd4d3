"""When reconstructions are compared with their inputs, which frames are refused, and what came of it last."""

from __future__ import annotations

import math
import numbers
import sys
from typing import TYPE_CHECKING, Any

from vae_exporter._record.facts import ReconstructionFacts
from vae_exporter._record.harvest import is_capturing, stream_module
from vae_exporter._record.reconstruction import ratios

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._process.failures import Failures

MIN_EDGE = 8
"""A frame smaller than this is none: its last axis is that of the colours, or it is a latent."""


class Comparisons:
    """Compares reconstructions with their inputs every so many steps, and keeps the last result.

    Args:
        failures: counts the frames that are refused.
        torch: a stand-in for the module ``torch``; by default the one that the program has imported.
    """

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        self._failures = failures
        self._torch = torch
        self._tried: int | None = None  # the step of the last comparison, whatever came of it
        self._last = ReconstructionFacts()

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

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Keep what a comparison at *step* gave. If none of it is finite, the one before stays."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        if finite:
            self._last = ReconstructionFacts(step, **finite)

    def facts(self) -> ReconstructionFacts:
        """Return the result of the last comparison."""
        return self._last

    def _drop(self, what: str, message: str) -> None:
        self._failures.drop("invalid", f"reconstruction: {what}", f"observe_reconstruction(): {message}")


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
