"""XID errors: the numbered errors by which the driver tells of a GPU's faults, as NVML's events."""

from __future__ import annotations

import ctypes
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vae_exporter._gpu.nvml.handles import GpuLostError, is_absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from vae_exporter._gpu.nvml.devices import Device

_XID_EVENT = 0x8  # nvmlEventTypeXidCriticalError
_TIMEOUT, _GPU_IS_LOST = 10, 15
_WHOLE_GPU = 0xFFFFFFFF  # an event's instance where it is about no single slice
_MOST_AT_ONCE = 1000


class XidErrors:
    """Counts the XID errors of the devices that are watched, from the moment they are.

    The counts outlive a session with the driver: a card that comes back keeps its history.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}
        self._events: Any = None  # NVML's event set
        self._registered: set[int] = set()  # by the address of the GPU's handle

    def of(self, device: Device) -> Mapping[int, int]:
        """Return the counts of *device*, by XID."""
        return dict(self._counts.get(device.uuid, {}))

    def watch(self, library: ModuleType, devices: Iterable[Device]) -> None:
        """Let the driver tell of *devices* from now on. Where it does not support that, nothing is counted.

        Raises:
            NVMLError: the driver does not answer.
        """
        for device in devices:
            address = _address(device.parent.pointer)
            if address not in self._registered:
                try:
                    self._register(library, device)
                except GpuLostError:  # it is tried again
                    continue
                self._registered.add(address)

    def count(self, library: ModuleType, devices: Iterable[Device]) -> None:
        """Count what the driver has told since the last time. Never waits for more.

        Raises:
            NVMLError: the driver does not answer.
        """
        if self._events is None:
            return
        watched = list(devices)
        for _ in range(_MOST_AT_ONCE):
            try:
                event = library.nvmlEventSetWait(self._events, 0)
            except library.NVMLError as error:
                if error.value in (_TIMEOUT, _GPU_IS_LOST):
                    return
                raise
            if event.eventType == _XID_EVENT:
                for device in watched:
                    if _is_about(event, device):
                        self._counts.setdefault(device.uuid, Counter())[int(event.eventData)] += 1

    def forget_session(self, library: ModuleType) -> None:
        """Let go of the event set: its session ends."""
        events, self._events = self._events, None
        self._registered.clear()
        if events is not None:
            with suppress(library.NVMLError):
                library.nvmlEventSetFree(events)

    def _register(self, library: ModuleType, device: Device) -> None:
        kinds = device.parent.ask("nvmlDeviceGetSupportedEventTypes") or 0
        if kinds & _XID_EVENT:
            if self._events is None:
                self._events = _event_set(library)
            if self._events is None:
                return
            # A slice has no events of its own: they are its GPU's, and say which slice they are about.
            device.parent.ask("nvmlDeviceRegisterEvents", _XID_EVENT, self._events)


def _event_set(library: ModuleType) -> Any:  # noqa: ANN401 - nvmlEventSet_t
    try:
        return library.nvmlEventSetCreate()
    except library.NVMLError as error:
        if is_absent(error):  # a virtual machine, or Windows' subsystem for Linux
            return None
        raise


def _is_about(event: Any, device: Device) -> bool:  # noqa: ANN401 - NVML's structure
    # By the handle: a GPU that fell off the bus does not even tell its UUID.
    if _address(event.device) != _address(device.parent.pointer):
        return False
    instance = getattr(event, "gpuInstanceId", _WHOLE_GPU)  # an older pynvml does not know it
    return device.place is None or instance in (_WHOLE_GPU, device.place.gpu_instance)


def _address(pointer: Any) -> int:  # noqa: ANN401 - nvmlDevice_t
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0
