"""The metrics that are read with NVML, and the fields of nvidia-smi that report the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter.doctor.gpu.driver_units import active, bit, celsius, count, hertz, mebibytes, percent, watts, yes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Field:
    """A metric, and what nvidia-smi calls it.

    Args:
        metric: The name of the series.
        names: The field of nvidia-smi. If there are several names, the first that this nvidia-smi has is used.
        read: Converts the text of nvidia-smi to the unit of the metric.
        labels: The labels of the series besides ``gpu``.
        absolute: The accepted difference, in the unit of the metric: two programs never read at the same moment.
        relative: The accepted difference, as a share of the value.
        kind: The query of nvidia-smi that has the field.
        supported_bit: The bit of `SUPPORTED_REASONS` without which the device does not have the value. None means that
            nvidia-smi says so itself.
    """

    metric: str
    names: tuple[str, ...]
    read: Callable[[str], float]
    labels: Mapping[str, str] = field(default_factory=dict)
    absolute: float = 0
    relative: float = 0
    kind: str = "gpu"
    supported_bit: int | None = None

    @property
    def title(self) -> str:
        """The name of the series with its labels."""
        return " ".join((self.metric, *self.labels.values()))


_MEBIBYTE = 2**20
_IN_USE = 64 * _MEBIBYTE  # other processes may allocate between two readings
_REMAPPED_ROWS = "remapped-rows"

# The bits are NVML's: https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html
_REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "sync_boost": 0x10,
    "sw_thermal_slowdown": 0x20,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
}

_DISPLAY_CLOCK_BIT = 0x100  # nvidia-smi has no field of its own for this reason

FIELDS = (
    Field("vae_gpu_memory_total_bytes", ("memory.total",), mebibytes, absolute=_MEBIBYTE),
    Field("vae_gpu_memory_used_bytes", ("memory.used",), mebibytes, absolute=_IN_USE),
    Field("vae_gpu_memory_free_bytes", ("memory.free",), mebibytes, absolute=_IN_USE),
    Field("vae_gpu_memory_reserved_bytes", ("memory.reserved",), mebibytes, absolute=_MEBIBYTE),
    Field("vae_gpu_temperature_celsius", ("temperature.gpu",), celsius, absolute=3),
    Field("vae_gpu_memory_temperature_celsius", ("temperature.memory",), celsius, absolute=3),
    Field("vae_gpu_power_watts", ("power.draw",), watts, absolute=15, relative=0.1),
    Field("vae_gpu_utilization_ratio", ("utilization.gpu",), percent, absolute=0.1),
    Field("vae_gpu_memory_bandwidth_utilization_ratio", ("utilization.memory",), percent, absolute=0.1),
    *(
        Field("vae_gpu_clock_hertz", (f"clocks.current.{clock}",), hertz, {"clock": clock}, relative=0.05)
        for clock in ("graphics", "sm", "memory", "video")
    ),
    *(
        Field(
            "vae_gpu_throttled",
            (f"clocks_event_reasons.{reason}", f"clocks_throttle_reasons.{reason}"),
            active,
            {"reason": reason},
            supported_bit=reason_bit,
        )
        for reason, reason_bit in _REASONS.items()
    ),
    Field(
        "vae_gpu_throttled",
        ("clocks_event_reasons.active", "clocks_throttle_reasons.active"),
        bit(_DISPLAY_CLOCK_BIT),
        {"reason": "display_clock_setting"},
        supported_bit=_DISPLAY_CLOCK_BIT,
    ),
    *(
        Field("vae_gpu_ecc_errors_total", (f"ecc.errors.{kind}.volatile.total",), count, {"type": kind})
        for kind in ("corrected", "uncorrected")
    ),
    *(
        Field("vae_gpu_remapped_rows", (f"remapped_rows.{name}",), count, {"type": kind}, kind=_REMAPPED_ROWS)
        for kind, name in (("corrected", "correctable"), ("uncorrected", "uncorrectable"))
    ),
    Field("vae_gpu_row_remap_pending", ("remapped_rows.pending",), yes, kind=_REMAPPED_ROWS),
    Field("vae_gpu_row_remap_failed", ("remapped_rows.failure",), yes, kind=_REMAPPED_ROWS),
)

SUPPORTED_REASONS = ("clocks_event_reasons.supported", "clocks_throttle_reasons.supported")
"""The field with the reasons that a device can report, as a hexadecimal number."""

UUID_FIELDS = {"gpu": "uuid", _REMAPPED_ROWS: "gpu_uuid"}
"""The queries of nvidia-smi, and the field in which each has the UUID of the GPU."""

IDENTITY = {"index": "index", "name": "name", "pci_bus_id": "pci.bus_id", "driver_version": "driver_version"}
"""The labels of ``vae_gpu_info``, and the fields of nvidia-smi with the same text."""

COMPARED_OTHERWISE = {"vae_gpu_info", "vae_gpu_process_memory_bytes", "vae_gpu_energy_joules_total"}
"""The metrics that `driver_values` compares with something else than one field."""

NOT_IN_NVIDIA_SMI = {"vae_gpu_sample_timestamp_seconds", "vae_gpu_lost", "vae_gpu_xid_errors_total"}
"""The metrics for which nvidia-smi has no field."""
