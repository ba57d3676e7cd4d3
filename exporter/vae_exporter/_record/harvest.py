"""Copies losses from where they were computed to the host, without waiting for the device.

A tensor is copied in the call that gives it and never kept: losses are divided in place for gradient accumulation,
CUDA graphs reuse their memory, and a view keeps its whole base alive. One on the CPU is read at once. Those of another
device travel together: one ``torch.stack``, one asynchronous copy to pinned memory, one event. They are read when the
event has passed, on a later call from the training thread, which is the only one that touches the device.
"""

from __future__ import annotations

import numbers
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from vae_exporter._process.failures import Failures

MAX_PENDING = 1_000
"""Observations under way at most. A host runs ahead of its device by tens of steps, not by thousands."""


Receiver: TypeAlias = "Callable[[int, Mapping[str, float]], object]"
"""Takes a step, and the values that were observed at it, by name."""


@dataclass(frozen=True)
class _Copy:
    """Values on their way to the host. *module* is their device's, for example ``torch.cuda``."""

    names: list[str]
    buffer: Any
    event: Any
    module: Any

    def is_done(self) -> bool:
        # To ask an event while a graph is being captured breaks the capture, though the event is none of it:
        # https://github.com/pytorch/pytorch/pull/104487
        return not is_capturing(self.module) and bool(self.event.query())

    def read(self) -> Iterator[tuple[str, float]]:
        return zip(self.names, self.buffer.tolist(), strict=True)


class _Observation(NamedTuple):
    """Values of one step on their way to *receiver*, and the copies that it still lacks."""

    step: int
    values: dict[str, float]
    receiver: Receiver
    copies: list[_Copy]

    @property
    def size(self) -> int:
        return len(self.values) + sum(len(copy.names) for copy in self.copies)

    def is_complete(self) -> bool:
        return all(copy.is_done() for copy in self.copies)

    def deliver(self) -> None:
        for copy in self.copies:
            self.values.update(copy.read())
        self.receiver(self.step, self.values)


class Harvest:
    """Takes floats and tensors at a step, and hands them on as floats, in order, once they have arrived.

    Args:
        failures: told of each value that is refused.
        torch: a stand-in for the module ``torch``; by default the one that the program has imported.
    """

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        self._failures = failures
        self._torch = torch
        self._pending: deque[_Observation] = deque()

    def give(self, step: int, values: Mapping[str, object], receiver: Receiver) -> None:
        """Copy *values* at *step*: floats, or tensors with one element, of any device, shape and real dtype.

        None stands for a value that is not given. `deliver` calls *receiver* with the floats.
        """
        here: dict[str, float] = {}
        elsewhere: dict[Any, dict[str, Any]] = {}  # by device
        torch = self._torch or sys.modules.get("torch")
        for name, value in values.items():
            if type(value) is float:
                here[name] = value
            elif value is None:
                pass
            else:
                try:
                    self._sort(torch, name, value, here, elsewhere)
                except Exception as error:  # noqa: BLE001 - one odd value must not cost the others of its step
                    self._failures.drop("invalid", name, f"{name} cannot be read: {type(error).__name__}: {error}")
        copies = [copy for device, group in elsewhere.items() if (copy := self._copy(torch, device, group))]
        if len(self._pending) >= MAX_PENDING:
            message = f"the losses of more than {MAX_PENDING} steps wait for their device: the oldest are given up"
            self._failures.drop("backlog", "backlog", message, count=self._pending.popleft().size)
        self._pending.append(_Observation(step, here, receiver, copies))

    def deliver(self) -> None:
        """Hand each observation whose copies are all done to its receiver, oldest first. Never waits."""
        while self._pending and self._pending[0].is_complete():
            self._pending.popleft().deliver()

    def drain(self, wait: Callable[[], bool]) -> None:
        """Deliver what is still under way, calling *wait* between looks. Where it returns False, drop the rest."""
        self.deliver()
        while self._pending:
            if not wait():
                message = f"the losses of {len(self._pending)} steps never arrived from their device"
                self._failures.drop("closed", "drain", message, count=sum(pending.size for pending in self._pending))
                self._pending.clear()
                return
            self.deliver()

    def _sort(
        self,
        torch: Any,  # noqa: ANN401 - a module
        name: str,
        value: Any,  # noqa: ANN401 - whatever a user gives
        here: dict[str, float],
        elsewhere: dict[Any, dict[str, Any]],
    ) -> None:
        if torch is not None and isinstance(value, torch.Tensor):
            if value.numel() != 1 or value.is_complex() or value.is_meta or hasattr(value, "full_tensor"):
                self._failures.drop("invalid", name, _tensor_fault(name, value))
            elif value.is_cpu:
                here[name] = float(value.item())
            else:
                elsewhere.setdefault(value.device, {})[name] = value.detach().reshape(())
        elif (number := self._number(name, value)) is not None:
            here[name] = number

    def _number(self, name: str, value: Any) -> float | None:  # noqa: ANN401 - whatever a user gives
        # Only what cannot wait for a device: numbers, and NumPy's scalars and arrays of one element.
        if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "size", 0) == 1:
            value = value.item()
        if isinstance(value, numbers.Real):
            return float(value)
        # Not the value itself: to write out a tensor inside of it would wait for its device.
        message = f"{name} is of type {type(value).__name__}: give a float or a torch tensor with one element"
        self._failures.drop("invalid", name, message)
        return None

    def _copy(self, torch: Any, device: Any, tensors: dict[str, Any]) -> _Copy | None:  # noqa: ANN401 - not imported
        """Start the copy of *tensors*, all on *device*, to the host."""
        names = list(tensors)
        module = stream_module(torch, device)
        if module is None:
            message = f"losses on {device} cannot be copied without waiting for it: give floats, {names[0]}.item()"
            self._failures.drop("invalid", str(device), message, count=len(names))
            return None
        if is_capturing(module):
            message = "losses inside a graph capture are not recorded: observe them after the graph's replay"
            self._failures.drop("capture", "capture", message, count=len(names))
            return None
        with torch.no_grad():
            stacked = torch.stack(list(tensors.values()))
            buffer = torch.empty(len(names), dtype=stacked.dtype, device="cpu", pin_memory=True)
            buffer.copy_(stacked, non_blocking=True)
        event = module.Event()
        event.record(module.current_stream(device))
        return _Copy(names, buffer, event, module)


def stream_module(torch: Any, device: Any) -> Any:  # noqa: ANN401 - of torch, which is not imported
    """Return the module of *device*, for example ``torch.cuda``; None where it has no streams, and its copies wait."""
    module = getattr(torch, device.type, None)
    return module if hasattr(module, "current_stream") else None


def is_capturing(module: Any) -> bool:  # noqa: ANN401 - of torch, which is not imported
    """Tell whether this thread is capturing its device work into a graph, which must hold nothing of ours."""
    return hasattr(module, "is_current_stream_capturing") and bool(module.is_current_stream_capturing())


def _tensor_fault(name: str, tensor: Any) -> str:  # noqa: ANN401 - likewise
    if tensor.numel() != 1:
        return f"{name} is a tensor of shape {tuple(tensor.shape)}: give one value, for example {name}.mean()"
    if hasattr(tensor, "full_tensor"):  # to gather it would wait for the other ranks
        return f"{name} is a DTensor, spread over ranks: give {name}.full_tensor() on every rank, or {name}.to_local()"
    if tensor.is_meta:
        return f"{name} is a tensor on the device meta, which holds no values: give one that was computed"
    return f"{name} is a tensor of {tensor.dtype}: give a real number"
