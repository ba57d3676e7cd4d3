"""NVML as a source of figures: a session begins with the first reading, and begins anew after an error."""

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
"""After an error the session is begun anew, this often at most: it costs more than a reading, and loses the XID errors
that come together with the error itself."""

_MISSING = (
    "no NVIDIA driver here (libnvidia-ml.so.1 cannot be loaded), so no GPU metrics. A container needs the driver's "
    "utility part, too: NVIDIA_DRIVER_CAPABILITIES=compute,utility. Where there is no GPU, give gpus=False"
)


@dataclass(frozen=True)
class _Session:
    library: ModuleType
    gpus: Sequence[Device]

    @property
    def devices(self) -> dict[str, Device]:
        return {device.uuid: device for gpu in self.gpus for device in (gpu, *gpu.slices)}


class NvmlSource:
    """NVIDIA's driver: see `GpuSource`.

    Args:
        failures: counts and logs what goes wrong.
        library: the module ``pynvml``; by default it is imported, with the first session.
        environment: contains CUDA_VISIBLE_DEVICES.
        pid: gives this process as NVML knows it; None where NVML may know it by another number.
        clock: gives the Unix time in seconds.
        monotonic: gives seconds that never go back.
    """

    name = "nvml"

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
        self._retry_at: float | None = None  # when the session is begun anew; None: all is well
        self._has_failed = False  # since it was last settled
        self._xids = XidErrors()

    def devices(self) -> Sequence[GpuIdentity] | None:
        """Return the GPUs and their slices, beginning a session if there is none."""
        if self._session is None and (self._retry_at is None or self._monotonic() >= self._retry_at):
            self._retry_at = self._monotonic() + RETRY_SECONDS
            self._begin()
        return None if self._session is None else [device.identity for device in self._session.devices.values()]

    def visible(self) -> Sequence[str]:
        """Return what CUDA shows to this process."""
        return self._visible.among(self._gpus())

    def name_of(self, ordinal: int, uuid: str | None) -> str | None:
        """Return the UUID of CUDA's device *ordinal*, which torch calls *uuid*."""
        return name_of(uuid, ordinal, self._gpus(), self.visible())

    def wait_for_driver(self, uuids: Iterable[str]) -> None:
        """Ask for the memory of each device."""
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
        except Exception as error:  # noqa: BLE001 - whatever a driver does, the training goes on
            self._fail(error)
            return False
        return True

    def read(self, uuid: str, before: GpuReading | None) -> tuple[GpuReading | None, bool]:
        """Return the device as it is now, else as it was *before*, and whether all of it could be read."""
        (device,) = self._devices([uuid])
        xid_errors = self._xids.of(device)
        try:
            health, errors = read_health(device.handle, self._pid())
        except GpuLostError as error:
            self._has_failed = True
            self._failures.tell(uuid, f"the GPU {uuid} is lost: {error}")
            lost = before or GpuReading(device.identity, Health(), time=None)
            return replace(lost, is_lost=True, xid_errors=xid_errors), False
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return before and replace(before, xid_errors=xid_errors), False
        for words in errors:
            self._failures.tell(words, f"a part of the GPU {uuid} cannot be read: {words}")
        return GpuReading(device.identity, health, self._clock(), xid_errors=xid_errors), not errors

    def settle(self, *, is_missed: bool) -> None:
        """End the session if it has failed for long, or a GPU *is_missed*: what is lost comes back in another one."""
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
            self._failures.tell(f"nvml {error}", f"the NVIDIA driver does not tell of its GPUs: {error}")
        else:
            self._failures.caught("sample", "reading the GPUs", error)
