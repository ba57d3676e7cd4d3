"""Reads memory, temperature, power, clocks and errors of one device, in base units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter._gpu.facts import Health
from vae_exporter._gpu.nvml.handles import GONE_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vae_exporter._gpu.nvml.handles import Handle

CLOCKS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
"""The clocks and their NVML numbers."""

THROTTLE_REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "display_clock_setting": 0x100,
}
"""The reasons for clocks below their maximum, named as in ``nvidia-smi``, and their NVML bits."""

_ECC_TYPES = {"corrected": 0, "uncorrected": 1}
_SINCE_DRIVER_LOAD = 0  # NVML_VOLATILE_ECC
_GPU_SENSOR = 0
_MEMORY_TEMPERATURE_FIELD = 82
_MEMORY_V2 = 0x02000028

# Larger values are garbage.
_HIGHEST_TEMPERATURE = 150
_HIGHEST_POWER = 10_000_000  # milliwatts
_HIGHEST_CLOCK = 100_000  # megahertz
_HIGHEST_COUNT = 10**12  # of errors
_HIGHEST_ROWS = 1_000_000
_HIGHEST_AMOUNT = 2**60  # of bytes or millijoules
_HIGHEST_REASONS = 2**32 - 1  # the known bits are far lower


def read_health(handle: Handle, pid: int | None) -> tuple[Health, list[str]]:
    """Return the values of the device, and the errors of those that could not be read.

    Args:
        handle: The device.
        pid: This process's ID as NVML reports it. None if NVML may report another ID.

    Raises:
        GpuLostError: If the driver cannot reach the GPU.
        NVMLError: If no value can be read, or the driver is gone.
    """
    return _Reader(handle, pid).read()


class _Reader:
    """Reads all values of one device. An error in one does not affect the others."""

    def __init__(self, handle: Handle, pid: int | None) -> None:
        self._handle = handle
        self._pid = pid
        self._error_type: type[Exception] = handle.library.NVMLError
        self._errors: dict[str, Exception] = {}

    def read(self) -> tuple[Health, list[str]]:
        parts: tuple[Callable[[], Mapping[str, Any]], ...] = (
            self._memory,
            self._process_memory,
            self._temperatures,
            self._power,
            self._utilization,
            self._clocks,
            self._throttled,
            self._ecc_errors,
            self._remapped_rows,
        )
        values: dict[str, Any] = {}
        for part in parts:
            values.update(part())
        if self._errors and not any(value not in (None, {}) for value in values.values()):
            raise next(iter(self._errors.values()))
        return Health(**values), [f"{function}: {error}" for function, error in self._errors.items()]

    def _get(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - what NVML returns
        try:
            return self._handle.ask(function, *arguments)
        except self._error_type as error:
            if getattr(error, "value", None) in GONE_CODES:
                raise
            self._errors.setdefault(function, error)
            return None

    def _memory(self) -> dict[str, Any]:
        memory = self._memory_v2() or self._get("nvmlDeviceGetMemoryInfo")
        if memory is None or not 0 <= memory.used <= memory.total or not 0 <= memory.free <= memory.total:
            return {}
        return {
            "memory_total": memory.total,
            "memory_used": memory.used,
            "memory_free": memory.free,
            "memory_reserved": getattr(memory, "reserved", None),
        }

    def _memory_v2(self) -> Any:  # noqa: ANN401 - NVML's structure
        """Return the memory with the reserved part separate, which drivers before R510 do not support."""
        try:
            return self._get("nvmlDeviceGetMemoryInfo", _MEMORY_V2)
        except TypeError:  # an older pynvml
            return None

    def _process_memory(self) -> dict[str, Any]:
        if self._pid is None:
            return {}
        processes = self._get("nvmlDeviceGetComputeRunningProcesses")
        own = [process for process in processes or () if process.pid == self._pid]
        used = [_between(process.usedGpuMemory, 0, _HIGHEST_AMOUNT) for process in own]
        known = [part for part in used if part is not None]
        return {"process_memory": sum(known)} if known else {}

    def _temperatures(self) -> dict[str, Any]:
        return {
            "temperature": _between(self._get("nvmlDeviceGetTemperature", _GPU_SENSOR), 0, _HIGHEST_TEMPERATURE),
            "memory_temperature": _between(self._field(_MEMORY_TEMPERATURE_FIELD), 1, _HIGHEST_TEMPERATURE),
        }

    def _field(self, number: int) -> int | None:
        values = self._get("nvmlDeviceGetFieldValues", [number])
        return None if not values or values[0].nvmlReturn else int(values[0].value.uiVal)

    def _power(self) -> dict[str, Any]:
        milliwatts = _between(self._get("nvmlDeviceGetPowerUsage"), 0, _HIGHEST_POWER)
        millijoules = _between(self._get("nvmlDeviceGetTotalEnergyConsumption"), 0, _HIGHEST_AMOUNT)
        return {
            "power": None if milliwatts is None else milliwatts / 1000,
            "energy": None if millijoules is None else millijoules / 1000,
        }

    def _utilization(self) -> dict[str, Any]:
        rates = self._get("nvmlDeviceGetUtilizationRates")
        if rates is None:
            return {}
        gpu, memory = _between(rates.gpu, 0, 100), _between(rates.memory, 0, 100)
        return {
            "utilization": None if gpu is None else gpu / 100,
            "memory_bandwidth_utilization": None if memory is None else memory / 100,
        }

    def _clocks(self) -> dict[str, Any]:
        found = {
            name: _between(self._get("nvmlDeviceGetClockInfo", number), 0, _HIGHEST_CLOCK)
            for name, number in CLOCKS.items()
        }
        return {"clocks": {name: megahertz * 1_000_000 for name, megahertz in found.items() if megahertz is not None}}

    def _throttled(self) -> dict[str, Any]:
        now = self._reasons("nvmlDeviceGetCurrentClocks{}Reasons")
        if now is None:
            return {}
        supported = self._reasons("nvmlDeviceGetSupportedClocks{}Reasons")
        known = {name: bit for name, bit in THROTTLE_REASONS.items() if supported is None or supported & bit}
        return {"throttled": {name: bool(now & bit) for name, bit in known.items()}}

    def _reasons(self, function: str) -> int | None:
        for name in ("Event", "Throttle"):  # NVML called them throttle reasons before R535
            reasons = _between(self._get(function.format(name)), 0, _HIGHEST_REASONS)
            if reasons is not None:
                return reasons
        return None

    def _ecc_errors(self) -> dict[str, Any]:
        counts = {
            name: _between(self._get("nvmlDeviceGetTotalEccErrors", number, _SINCE_DRIVER_LOAD), 0, _HIGHEST_COUNT)
            for name, number in _ECC_TYPES.items()
        }
        return {"ecc_errors": {name: count for name, count in counts.items() if count is not None}}

    def _remapped_rows(self) -> dict[str, Any]:
        rows = self._get("nvmlDeviceGetRemappedRows")
        if rows is None:
            return {}
        corrected, uncorrected, pending, failed = rows
        counts = {
            "corrected": _between(corrected, 0, _HIGHEST_ROWS),
            "uncorrected": _between(uncorrected, 0, _HIGHEST_ROWS),
        }
        return {
            "remapped_rows": {name: count for name, count in counts.items() if count is not None},
            "remap_pending": _flag(pending),
            "remap_failed": _flag(failed),
        }


def _flag(value: int) -> bool | None:
    return {0: False, 1: True}.get(value)


def _between(value: int | None, low: int, high: int) -> int | None:
    return value if value is not None and low <= value <= high else None
