"""The session with the driver: begun with the first reading, begun anew after an error, and never a reason to fail."""

from __future__ import annotations

import importlib
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vae_exporter._gpu.facts import GpuReading, Health
from vae_exporter._gpu.nvml.handles import GpuLostError, is_missing
from vae_exporter._gpu.nvml.health import read_health
from vae_exporter._gpu.nvml.inventory import all_gpus, own_pid
from vae_exporter._gpu.nvml.xids import XidErrors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

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
class _Open:
    library: ModuleType
    gpus: Sequence[Device]


class DriverSession:
    """Finds the GPUs and reads them. Any of its methods may hang as the driver does; none raises.

    Args:
        failures: where what goes wrong is counted and told.
        library: the module ``pynvml``; by default it is imported, with the first session.
        pid: gives this process as NVML knows it; None where NVML may know it by another number.
        clock: gives the Unix time in seconds.
        monotonic: gives seconds that never go back.
    """

    def __init__(
        self,
        failures: Failures,
        *,
        library: ModuleType | None = None,
        pid: Callable[[], int | None] = own_pid,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._library = library
        self._pid = pid
        self._clock = clock
        self._monotonic = monotonic
        self._open: _Open | None = None
        self._retry_at: float | None = None  # when the session is begun anew; None: all is well
        self._has_failed = False  # since it was last settled
        self._xids = XidErrors()

    def gpus(self) -> Sequence[Device] | None:
        """Return the whole GPUs of this machine, beginning a session if there is none. None: the driver tells none."""
        if self._open is None and (self._retry_at is None or self._monotonic() >= self._retry_at):
            self._retry_at = self._monotonic() + RETRY_SECONDS
            self._begin()
        return None if self._open is None else self._open.gpus

    def wait_for_driver(self, devices: Sequence[Device]) -> None:
        """Call the driver about each of *devices*: if it hangs, it does so here. What it answers is of no matter."""
        for device in devices:
            with suppress(GpuLostError, device.handle.library.NVMLError):  # `read` tells of it
                device.handle.ask("nvmlDeviceGetMemoryInfo")

    def count_xids(self, devices: Sequence[Device]) -> bool:
        """Count the XID errors of *devices* since the last time. Return whether the driver answered."""
        if self._open is None:
            return False
        try:
            self._xids.watch(self._open.library, devices)
            self._xids.count(self._open.library, devices)
        except Exception as error:  # noqa: BLE001 - whatever a driver does, the training goes on
            self._fail(error)
            return False
        return True

    def read(self, device: Device, before: GpuReading | None) -> tuple[GpuReading | None, bool]:
        """Return *device* as it is now, else as it was *before*, and whether all of it could be read."""
        xid_errors = self._xids.of(device)
        try:
            health, errors = read_health(device.handle, self._pid())
        except GpuLostError as error:
            self._has_failed = True
            self._failures.tell(device.uuid, f"the GPU {device.uuid} is lost: {error}")
            lost = before or GpuReading(device.identity, Health(), time=None)
            return replace(lost, is_lost=True, xid_errors=xid_errors), False
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return before and replace(before, xid_errors=xid_errors), False
        for words in errors:
            self._failures.tell(words, f"a part of the GPU {device.uuid} cannot be read: {words}")
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
        session, self._open = self._open, None
        if session is not None:
            self._xids.forget_session(session.library)
            self._end(session.library)

    def _begin(self) -> None:
        try:
            library = self._library or importlib.import_module("pynvml")
            self._library = library
            library.nvmlInit()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return
        try:
            self._open = _Open(library, all_gpus(library))
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
