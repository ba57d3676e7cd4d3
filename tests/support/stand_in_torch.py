"""A stand-in for torch whose devices work when the test says so, and which fails the test if the host waits."""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Device:
    """A stand-in for ``torch.device``."""

    type: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.type}:{self.index}"


GPU = Device("cuda")
CPU = Device("cpu")


class Tensor:
    """Values in a device's memory. The device changes them asynchronously, so reading one would wait for it."""

    is_cpu = False
    is_meta = False
    dtype = "float32"

    def __init__(self, torch: StandInTorch, cells: list[float], device: Device, *, shape: tuple[int, ...] = ()) -> None:
        self.torch = torch
        self.cells = cells
        self.device = device
        self.shape = shape

    def numel(self) -> int:
        return len(self.cells)

    def is_complex(self) -> bool:
        return False

    def detach(self) -> Tensor:
        return self

    def reshape(self, shape: tuple[int, ...]) -> Tensor:
        return Tensor(self.torch, self.cells, self.device, shape=shape)

    def fill_(self, value: float) -> None:
        """Enqueue an overwrite of the memory."""

        def fill() -> None:
            self.cells[:] = [value] * len(self.cells)

        self.torch.enqueue(self.device, fill)

    def div_(self, divisor: float) -> None:
        """Enqueue a division in place."""

        def divide() -> None:
            self.cells[:] = [cell / divisor for cell in self.cells]

        self.torch.enqueue(self.device, divide)

    def _waits(self, *_: object) -> NoReturn:
        raise AssertionError("this waits for the device")

    item = tolist = cpu = numpy = to = _waits
    __float__ = __int__ = __index__ = __bool__ = __repr__ = __format__ = __eq__ = _waits
    __hash__ = object.__hash__


class Buffer:
    """Pinned memory of the host."""

    def __init__(self, torch: StandInTorch, size: int) -> None:
        self._torch = torch
        self._cells: list[float | None] = [None] * size

    def copy_(self, source: Tensor, *, non_blocking: bool = False) -> None:
        assert non_blocking, "this waits for the device"

        def copy() -> None:
            self._cells[:] = source.cells

        self._torch.enqueue(source.device, copy)

    def tolist(self) -> list[float]:
        values = [cell for cell in self._cells if cell is not None]
        assert len(values) == len(self._cells), "read before the copy was done"
        return values


@dataclass(frozen=True)
class Stream:
    """The order of work on one device."""

    device: Device


class DeviceModule:
    """A stand-in for ``torch.cuda``."""

    def __init__(self, torch: StandInTorch) -> None:
        self._torch = torch

    def current_stream(self, device: Device) -> Stream:
        return Stream(device)

    def is_current_stream_capturing(self) -> bool:
        return self._torch.capturing

    def synchronize(self, *_: object) -> NoReturn:
        raise AssertionError("this waits for the device")

    def Event(self) -> Event:  # noqa: N802 - torch's name
        return Event(self._torch)


class Event:
    """An event in a stream. Raises if the device has failed, as every CUDA call does from then on."""

    def __init__(self, torch: StandInTorch) -> None:
        self._torch = torch
        self._passed = False

    def record(self, stream: Stream) -> None:
        def pass_() -> None:
            self._passed = True

        self._torch.enqueue(stream.device, pass_)

    def query(self) -> bool:
        self._torch.check_capture()
        if self._torch.failed:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return self._passed

    def synchronize(self) -> NoReturn:
        raise AssertionError("this waits for the device")


class StandInTorch:
    """A stand-in for the parts of the module ``torch`` that the exporter may use."""

    def __init__(self) -> None:
        self.Tensor = Tensor
        self.cuda = DeviceModule(self)
        self.mps = SimpleNamespace(current_stream=object)  # torch 2.15: its events are not recorded on a stream
        self.capturing = False
        self.failed = False
        self._grad_enabled = True
        self._work: defaultdict[Device, deque[Callable[[], None]]] = defaultdict(deque)

    def tensor(self, *cells: float, device: Device = GPU, shape: tuple[int, ...] = ()) -> Tensor:
        """Return a tensor that is already computed."""
        return Tensor(self, list(cells), device, shape=shape)

    def finish(self, device: Device = GPU, *, but: int = 0) -> None:
        """Let *device* do its enqueued work, except the last *but* pieces."""
        while len(self._work[device]) > but:
            self._work[device].popleft()()

    def enqueue(self, device: Device, work: Callable[[], None]) -> None:
        self.check_capture()
        self._work[device].append(work)

    def check_capture(self) -> None:
        assert not self.capturing, "this breaks the capture of the graph"

    @contextmanager
    def no_grad(self) -> Iterator[None]:
        self._grad_enabled = False
        yield
        self._grad_enabled = True

    def stack(self, tensors: list[Tensor]) -> Tensor:
        assert not self._grad_enabled, "this records a graph for the gradient"
        (device,) = {tensor.device for tensor in tensors}
        assert len({tensor.shape for tensor in tensors}) == 1, "tensors of different shapes do not stack"
        sources = [tensor.cells for tensor in tensors]
        stacked = Tensor(self, [0.0] * len(sources), device, shape=(len(sources),))

        def stack() -> None:
            stacked.cells[:] = [cell for cells in sources for cell in cells]

        self.enqueue(device, stack)
        return stacked

    def empty(self, size: int, *, dtype: Any, device: str, pin_memory: bool) -> Buffer:  # noqa: ANN401 - torch's
        assert (dtype, device, pin_memory) == (Tensor.dtype, "cpu", True)
        return Buffer(self, size)
