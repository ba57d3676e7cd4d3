"""Counts XID errors, the numbered GPU errors that the driver reports as NVML events."""

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
_WHOLE_GPU = 0xFFFFFFFF  # the instance of an event that concerns the whole GPU
_MOST_AT_ONCE = 1000


class XidErrors:
    """Counts the XID errors of devices from the moment that they are watched.

    The counts outlive a session with the driver, so a GPU that comes back keeps its history.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[int]] = {}
        self._events: Any = None  # NVML's event set
        self._registered: set[int] = set()  # addresses of GPU handles

    def of(self, device: Device) -> Mapping[int, int]:
        """Return the counts of *device* by XID."""
        return dict(self._counts.get(device.uuid, {}))

    def watch(self, library: ModuleType, devices: Iterable[Device]) -> None:
        """Register *devices* for XID events. Nothing is counted if the driver does not support events.

        Raises:
            NVMLError: If the driver does not answer.
        """
        for device in devices:
            address = _address(device.parent.pointer)
            if address not in self._registered:
                try:
                    self._register(library, device)
                except GpuLostError:  # the next call tries again
                    continue
                self._registered.add(address)

    def count(self, library: ModuleType, devices: Iterable[Device]) -> None:
        """Count the events since the last call. Never waits for more.

        Raises:
            NVMLError: If the driver does not answer.
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
        """Release the event set before its session ends."""
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
            # The events of a slice arrive at its GPU, and name the slice.
            device.parent.ask("nvmlDeviceRegisterEvents", _XID_EVENT, self._events)


def _event_set(library: ModuleType) -> Any:  # noqa: ANN401 - nvmlEventSet_t
    try:
        return library.nvmlEventSetCreate()
    except library.NVMLError as error:
        if is_absent(error):  # as in a virtual machine or in WSL
            return None
        raise


def _is_about(event: Any, device: Device) -> bool:  # noqa: ANN401 - NVML's structure
    # Compare handles: a GPU that fell off the bus cannot report its UUID.
    if _address(event.device) != _address(device.parent.pointer):
        return False
    instance = getattr(event, "gpuInstanceId", _WHOLE_GPU)  # missing in an older pynvml
    return device.place is None or instance in (_WHOLE_GPU, device.place.gpu_instance)


def _address(pointer: Any) -> int:  # noqa: ANN401 - nvmlDevice_t
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0
