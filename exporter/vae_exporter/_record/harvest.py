"""Copies losses from the device to the host without waiting for the device, and keeps them until they are recorded.

A tensor is copied in the call that observes it, and no reference is kept: gradient accumulation divides losses in
place, CUDA graphs reuse their memory, and a view keeps its whole base alive. A tensor on the CPU is read at once. The
tensors of another device are copied together, with one ``torch.stack``, one asynchronous copy to pinned memory and one
event. They are read after the event, in a later call from the training thread, which is the only one that uses the
device.

What has arrived is delivered in batches, or when someone asks for the facts. This keeps the work of recording, and its
code and data, out of nearly every training step.
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
"""The most pending observations. A host runs ahead of its device by tens of steps, not by thousands."""


Receiver: TypeAlias = "Callable[[int, Mapping[str, float]], object]"
"""Receives a step and the values that were observed at it, by name."""


BATCH = 100
"""The most observations that arrive before they are delivered. Delivering this many takes about a millisecond."""


@dataclass(frozen=True)
class _Copy:
    """Values that are being copied to the host. *module* belongs to their device, for example ``torch.cuda``."""

    names: list[str]
    buffer: Any
    event: Any
    module: Any

    def is_done(self) -> bool:
        # Querying an event during a graph capture breaks the capture, even if the event is not part of it:
        # https://github.com/pytorch/pytorch/pull/104487
        return not is_capturing(self.module) and bool(self.event.query())

    def read(self) -> Iterator[tuple[str, float]]:
        return zip(self.names, self.buffer.tolist(), strict=True)


class _Pending(NamedTuple):
    """Values of one step for *receiver*, some of which are still being copied."""

    step: int
    values: dict[str, float]
    receiver: Receiver
    copies: list[_Copy]

    @property
    def size(self) -> int:
        return len(self.values) + sum(len(copy.names) for copy in self.copies)

    def is_complete(self) -> bool:
        return all(copy.is_done() for copy in self.copies)

    def read(self) -> tuple[int, dict[str, float], Receiver]:
        for copy in self.copies:
            self.values.update(copy.read())
        return self.step, self.values, self.receiver


class Harvest:
    """Takes numbers and tensors, and delivers them as floats, in order, once they have arrived on the host.

    Args:
        failures: Counts and logs the values that are dropped.
        torch: A stand-in for the module ``torch``. The default is the module that the program has imported.
    """

    def __init__(self, failures: Failures, *, torch: Any = None) -> None:  # noqa: ANN401 - a module
        self._failures = failures
        self._torch = torch
        self._tensor_type = torch and torch.Tensor
        self._pending: deque[_Pending] = deque()
        self._arrived: deque[tuple[int, dict[str, float], Receiver]] = deque()

    def give(self, step: int | None, values: Mapping[str, Any], receiver: Receiver) -> None:
        """Copy *values*: numbers, or tensors with one element, of any real dtype and on any device. None is ignored.

        `deliver` will call *receiver* with *step* and the values as floats. A *step* of None was invalid, and nothing
        is delivered.
        """
        if step is None:
            return
        here: dict[str, float] = {}
        elsewhere: dict[Any, dict[str, Any]] = {}  # by device
        tensor_type = self._tensor_type or self._find_torch()
        for name, value in values.items():
            if value is None:
                continue
            try:
                # The most common types are the fastest: their values are asked nothing else.
                number = value.item() if type(value) is tensor_type and value.is_cpu else value
                if type(number) is float:
                    here[name] = number
                else:
                    self._sort(name, value, here, elsewhere)
            except Exception as error:  # noqa: BLE001 - one bad value must not affect the others
                has_many = type(value) is tensor_type and value.numel() != 1
                fault = f"{name} cannot be read: {type(error).__name__}: {error}"
                self._failures.drop("invalid", name, _tensor_fault(name, value) if has_many else fault)
        if elsewhere or self._pending:
            self._wait_for(elsewhere, step, here, receiver)
        else:
            self._arrived.append((step, here, receiver))
        if len(self._arrived) >= BATCH:
            self.deliver()

    def collect(self) -> None:
        """Read each copy that is done, oldest first. Never waits. Only the training thread may call it."""
        while self._pending and self._pending[0].is_complete():
            self._arrived.append(self._pending.popleft().read())

    def deliver(self) -> None:
        """Pass each observation that has arrived to its receiver, oldest first."""
        while self._arrived:
            step, values, receiver = self._arrived.popleft()
            try:
                receiver(step, values)
            except Exception as error:  # noqa: BLE001 - the others are recorded
                self._failures.caught("observe", "recording a value", error)

    def drain(self, wait: Callable[[], bool]) -> None:
        """Deliver all pending observations, calling *wait* between polls. If it returns False, drop the rest."""
        self.collect()
        while self._pending and wait():
            self.collect()
        self.deliver()
        if self._pending:
            message = f"{len(self._pending)} observations did not arrive from their device before the run ended"
            self._failures.drop("closed", "drain", message, count=sum(pending.size for pending in self._pending))
            self._pending.clear()

    def _find_torch(self) -> Any:  # noqa: ANN401 - a type of torch, which is not imported
        """Return the type of a tensor. None: the program has not imported torch yet."""
        self._torch = sys.modules.get("torch")
        self._tensor_type = self._torch and self._torch.Tensor
        return self._tensor_type

    def _sort(
        self,
        name: str,
        value: Any,  # noqa: ANN401 - whatever a user gives
        here: dict[str, float],
        elsewhere: dict[Any, dict[str, Any]],
    ) -> None:
        if self._tensor_type is not None and isinstance(value, self._tensor_type):
            if value.numel() != 1 or value.is_complex() or value.is_meta or hasattr(value, "full_tensor"):
                self._failures.drop("invalid", name, _tensor_fault(name, value))
            elif value.is_cpu:
                here[name] = float(value.item())
            else:
                elsewhere.setdefault(value.device, {})[name] = value.detach().reshape(())
        elif (number := self._number(name, value)) is not None:
            here[name] = number

    def _number(self, name: str, value: Any) -> float | None:  # noqa: ANN401 - whatever a user gives
        # Only types that cannot wait for a device: numbers, and NumPy's scalars and arrays with one element.
        if type(value).__module__.partition(".")[0] == "numpy" and getattr(value, "size", 0) == 1:
            value = value.item()
        if isinstance(value, numbers.Real):
            return float(value)
        # Not the value itself: formatting a tensor inside it would wait for its device.
        message = f"{name} must be a number or a torch tensor with one element, got a {type(value).__name__}"
        self._failures.drop("invalid", name, message)
        return None

    def _wait_for(
        self,
        elsewhere: dict[Any, dict[str, Any]],
        step: int,
        here: dict[str, float],
        receiver: Receiver,
    ) -> None:
        """Deliver *here* once the tensors *elsewhere*, and everything that was given before, have arrived."""
        copies = [copy for device, group in elsewhere.items() if (copy := self._copy(device, group))]
        if len(self._pending) >= MAX_PENDING:
            message = f"more than {MAX_PENDING} observations are pending because their device is behind"
            self._failures.drop("backlog", "backlog", message, count=self._pending.popleft().size)
        self._pending.append(_Pending(step, here, receiver, copies))
        self.collect()

    def _copy(self, device: Any, tensors: dict[str, Any]) -> _Copy | None:  # noqa: ANN401 - not imported
        """Start copying *tensors*, all on *device*, to the host. None means that they are dropped."""
        torch = self._torch
        names = list(tensors)
        module = stream_module(torch, device)
        if module is None:
            message = (
                f"losses on {device} cannot be copied without waiting for it: pass floats, such as {names[0]}.item()"
            )
            self._failures.drop("invalid", str(device), message, count=len(names))
            return None
        if is_capturing(module):
            message = "losses cannot be recorded during a graph capture: observe them after the replay"
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
    """Return the module of *device*, for example ``torch.cuda``. None means that it has no streams and copies wait.

    ``torch.mps`` has streams since torch 2.15, but its events are not recorded on one.
    """
    module = getattr(torch, device.type, None)
    return module if device.type != "mps" and hasattr(module, "current_stream") else None


def is_capturing(module: Any) -> bool:  # noqa: ANN401 - of torch, which is not imported
    """Return whether this thread is capturing a device graph, to which the exporter must not add work."""
    return hasattr(module, "is_current_stream_capturing") and bool(module.is_current_stream_capturing())


def _tensor_fault(name: str, tensor: Any) -> str:  # noqa: ANN401 - likewise
    if tensor.numel() != 1:
        return f"{name} must have one element, got the shape {tuple(tensor.shape)}: pass {name}.mean(), for example"
    if hasattr(tensor, "full_tensor"):  # gathering it would wait for the other ranks
        advice = f"call {name}.full_tensor() on every rank and pass the result, or pass {name}.to_local()"
        return f"{name} must be local to this rank, got a DTensor: {advice}"
    if tensor.is_meta:
        return f"{name} must hold a value, got a tensor on the meta device"
    return f"{name} must be a real number, got a tensor of {tensor.dtype}"
