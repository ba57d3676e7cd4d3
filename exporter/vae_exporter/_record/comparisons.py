"""Compares reconstructions with their inputs: when, which frames are valid, and the last result."""

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
"""The smallest height or width of a frame, in pixels. A smaller axis is that of the channels, or of a latent."""


class Comparisons:
    """Compares reconstructions with their inputs at an interval of steps, and keeps the last result.

    Args:
        failures: Counts and logs the frames that are dropped.
        torch: A stand-in for the module ``torch``. The default is the module that the program has imported.
    """

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        self._failures = failures
        self._torch = torch
        self._tried: int | None = None  # the step of the last comparison, even if it failed
        self._last = ReconstructionFacts()

    def is_due(self, step: int, every: object) -> bool:
        """Return whether to compare at *step*: at the first one, after *every* steps, or if the step has decreased."""
        steps = int(every) if isinstance(every, numbers.Integral) else 0  # reading a tensor would wait for its device
        if steps < 1:
            got = repr(every) if isinstance(every, numbers.Real) else f"a {type(every).__name__}"
            self._drop("every", f"every must be a whole number of steps, 1 or more, got {got}")
            return False
        if self._tried is not None and self._tried <= step < self._tried + steps:
            return False
        self._tried = step
        return True

    def compare(self, inputs: Any, outputs: Any, data_range: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a user's
        """Return the `ratios` of *inputs* and *outputs*. None means that they are invalid, which is logged.

        Raises what torch raises, for example if memory runs out.
        """
        torch = self._torch or sys.modules.get("torch")
        fault = _range_fault(data_range) or _fault(torch, inputs, outputs)
        if fault:
            self._drop(*fault)
            return None
        if not inputs.is_cpu and is_capturing(stream_module(torch, inputs.device)):
            message = "frames cannot be compared during a graph capture: call observe_reconstruction() after the replay"
            self._failures.drop("capture", "reconstruction", message)
            return None
        return ratios(torch, inputs, outputs, float(data_range))

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Keep the result of a comparison at *step*. If no value is finite, the previous result stays."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        if finite:
            self._last = ReconstructionFacts(step, **finite)

    def facts(self) -> ReconstructionFacts:
        """Return the result of the last comparison."""
        return self._last

    def _drop(self, what: str, message: str) -> None:
        self._failures.drop("invalid", f"reconstruction: {what}", f"observe_reconstruction(): {message}")


def _range_fault(data_range: object) -> tuple[str, str] | None:
    expected = "data_range must be the width of the value range, such as 2.0 for [-1, 1]"
    if not isinstance(data_range, numbers.Real):
        return "range", f"{expected}, got a {type(data_range).__name__}"
    if not 0 < float(data_range) < math.inf:
        return "range", f"{expected}, got {data_range!r}"
    return None


def _fault(torch: Any, inputs: Any, outputs: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever a user gives
    """Return why the frames cannot be compared, as a key and a message. None means that they can."""
    fault = _frames_fault(torch, "inputs", inputs) or _frames_fault(torch, "outputs", outputs)
    if fault:
        return fault
    if inputs.shape != outputs.shape:
        shapes = f"{tuple(inputs.shape)} and {tuple(outputs.shape)}"
        return "shapes", f"inputs and outputs must have the same shape, got {shapes}: crop both to what they share"
    if inputs.device != outputs.device:
        return "devices", f"inputs and outputs must be on the same device, got {inputs.device} and {outputs.device}"
    if not inputs.is_cpu and stream_module(torch, inputs.device) is None:
        return "device", f"frames on {inputs.device} cannot be compared without waiting for it: pass copies on the CPU"
    return None


def _frames_fault(torch: Any, name: str, frames: Any) -> tuple[str, str] | None:  # noqa: ANN401 - likewise
    if torch is None or not isinstance(frames, torch.Tensor):
        return f"{name}' type", f"{name} must be a torch tensor, got a {type(frames).__name__}"
    if hasattr(frames, "full_tensor"):  # gathering it would wait for the other ranks
        return f"{name}' ranks", f"{name} must be local to this rank, got a DTensor: pass {name}.to_local()"
    if frames.is_meta:
        return f"{name}' device", f"{name} must hold values, got a tensor on the meta device"
    if not frames.is_floating_point():
        return f"{name}' dtype", f"{name} must have a floating-point dtype, got {frames.dtype}"
    if frames.dim() < 2 or min(frames.shape[-2:]) < MIN_EDGE or not frames.numel():  # noqa: PLR2004 - height, width
        expected = f"{name} must not be empty, and must end in height and width of {MIN_EDGE} pixels or more"
        return f"{name}' shape", f"{expected}, got the shape {tuple(frames.shape)}"
    return None
