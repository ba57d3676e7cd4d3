"""Reads GPUs with NVML. The session starts with the first reading and restarts after errors."""

from __future__ import annotations

import importlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vae_exporter._gpu.facts import GpuReading, Health
from vae_exporter._gpu.nvml.handles import GpuLostError, is_missing
from vae_exporter._gpu.nvml.health import read_health
from vae_exporter._gpu.nvml.inventory import all_gpus, own_pid
from vae_exporter._gpu.nvml.visible import VisibleDevices, name_of
from vae_exporter._gpu.nvml.xids import XidErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    from vae_exporter._gpu.facts import GpuIdentity
    from vae_exporter._gpu.nvml.devices import Device
    from vae_exporter._process.failures import Failures

RETRY_SECONDS = 30.0
"""The shortest time between restarts of the session. A restart costs more than a reading, and loses XID errors that
arrive together with the error that causes it."""

_MISSING = (
    "no GPU metrics are exported because the NVIDIA driver library, libnvidia-ml.so.1, cannot be loaded. In a "
    "container, set NVIDIA_DRIVER_CAPABILITIES=compute,utility. On a machine without a GPU, pass gpus=False"
)


@dataclass(frozen=True)
class _Session:
    library: ModuleType
    gpus: Sequence[Device]

    @property
    def devices(self) -> dict[str, Device]:
        return {device.uuid: device for gpu in self.gpus for device in (gpu, *gpu.slices)}


class NvmlSource:
    """NVIDIA's driver, as a `GpuSource`.

    Args:
        failures: Counts and logs what goes wrong.
        library: The module ``pynvml``. By default the first session imports it.
        environment: The environment variables, such as CUDA_VISIBLE_DEVICES.
        pid: Returns this process's ID as NVML reports it. None if NVML may report another ID.
        clock: Returns the Unix time in seconds.
        monotonic: Returns the monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 - what a test stands in for
        self,
        failures: Failures,
        *,
        library: ModuleType | None = None,
        environment: Mapping[str, str] = os.environ,
        pid: Callable[[], int | None] = own_pid,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._library = library
        self._visible = VisibleDevices(environment)
        self._pid = pid
        self._clock = clock
        self._monotonic = monotonic
        self._session: _Session | None = None
        self._retry_at: float | None = None  # when to restart the session; None without an error
        self._has_failed = False  # since the last call of settle()
        self._xids = XidErrors()

    def devices(self) -> Sequence[GpuIdentity] | None:
        """Return the GPUs and their slices, and start a session if there is none."""
        if self._session is None and (self._retry_at is None or self._monotonic() >= self._retry_at):
            self._retry_at = self._monotonic() + RETRY_SECONDS
            self._begin()
        return None if self._session is None else [device.identity for device in self._session.devices.values()]

    def visible(self) -> Sequence[str]:
        """Return the devices that are visible to CUDA in this process."""
        return self._visible.among(self._gpus())

    def name_of(self, ordinal: int, uuid: str | None) -> str | None:
        """Return the UUID of CUDA's device *ordinal*, for which torch reports *uuid*."""
        return name_of(uuid, ordinal, self._gpus(), self.visible())

    def wait_for_driver(self, uuids: Iterable[str]) -> None:
        """Read the memory of each device and ignore the result."""
        for device in self._devices(uuids):
            with suppress(GpuLostError, device.handle.library.NVMLError):  # `read` reports it
                device.handle.ask("nvmlDeviceGetMemoryInfo")

    def count_errors(self, uuids: Iterable[str]) -> bool:
        """Count the XID errors since the last call."""
        if self._session is None:
            return False
        devices = self._devices(uuids)
        try:
            self._xids.watch(self._session.library, devices)
            self._xids.count(self._session.library, devices)
        except Exception as error:  # noqa: BLE001 - no driver error may stop the training
            self._fail(error)
            return False
        return True

    def read(self, uuid: str, before: GpuReading | None) -> tuple[GpuReading | None, bool]:
        """Return a new reading, or the one *before* if it fails, and whether every value could be read."""
        (device,) = self._devices([uuid])
        xid_errors = self._xids.of(device)
        try:
            health, errors = read_health(device.handle, self._pid())
        except GpuLostError as error:
            self._has_failed = True
            self._failures.tell(uuid, f"GPU {uuid} is lost: {error}")
            lost = before or GpuReading(device.identity, Health(), time=None)
            return replace(lost, is_lost=True, xid_errors=xid_errors), False
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return before and replace(before, xid_errors=xid_errors), False
        for words in errors:
            self._failures.tell(words, f"a value of GPU {uuid} cannot be read: {words}")
        return GpuReading(device.identity, health, self._clock(), xid_errors=xid_errors), not errors

    def settle(self, *, is_missed: bool) -> None:
        """End the session if errors persist or a GPU *is_missed*. Only a new session finds a lost GPU again."""
        has_failed, self._has_failed = self._has_failed or is_missed, False
        now = self._monotonic()
        if not has_failed:
            self._retry_at = None
        elif self._retry_at is None:
            self._retry_at = now + RETRY_SECONDS
        elif now >= self._retry_at:
            self.close()

    def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            self._xids.forget_session(session.library)
            self._end(session.library)

    def _gpus(self) -> Sequence[Device]:
        return self._session.gpus if self._session else ()

    def _devices(self, uuids: Iterable[str]) -> list[Device]:
        known = self._session.devices if self._session else {}
        return [known[uuid] for uuid in uuids]

    def _begin(self) -> None:
        try:
            library = self._library or importlib.import_module("pynvml")
            self._library = library
            library.nvmlInit()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return
        try:
            self._session = _Session(library, all_gpus(library))
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            self._end(library)

    def _end(self, library: ModuleType) -> None:
        try:
            library.nvmlShutdown()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        if is_missing(error):
            self._failures.tell("nvml", _MISSING)
        elif isinstance(error, getattr(self._library, "NVMLError", ())):
            self._failures.tell(f"nvml {error}", f"the GPUs cannot be read from the NVIDIA driver: {error}")
        else:
            self._failures.caught("sample", "reading the GPUs", error)
