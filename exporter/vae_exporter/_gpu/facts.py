"""What is known of the GPUs at one moment: between the sampler and the collectors. None: not to be had here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class GpuIdentity:
    """Which device it is. *uuid* names a whole GPU, or a MIG slice of one; the rest of a slice is its GPU's."""

    uuid: str
    index: int
    name: str
    pci_bus_id: str | None = None
    driver_version: str | None = None
    mig_profile: str | None = None


@dataclass(frozen=True)
class Health:
    """What NVML says of one device, in base units. Each part is None, or empty, where the device does not tell it."""

    memory_total: int | None = None
    memory_used: int | None = None
    memory_free: int | None = None
    memory_reserved: int | None = None
    process_memory: int | None = None
    temperature: int | None = None
    memory_temperature: int | None = None
    power: float | None = None
    energy: float | None = None
    utilization: float | None = None
    memory_bandwidth_utilization: float | None = None
    clocks: Mapping[str, int] = field(default_factory=dict)
    throttled: Mapping[str, bool] = field(default_factory=dict)
    ecc_errors: Mapping[str, int] = field(default_factory=dict)
    remapped_rows: Mapping[str, int] = field(default_factory=dict)
    remap_pending: bool | None = None
    remap_failed: bool | None = None


@dataclass(frozen=True)
class GpuReading:
    """One device as it was last read, at *time* (Unix seconds); *is_lost* and the XID errors may be newer."""

    identity: GpuIdentity
    health: Health
    time: float | None
    is_lost: bool = False
    xid_errors: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AllocatorReading:
    """torch's caching allocator on one device. *bytes* are by kind and by ``current`` or ``peak``."""

    uuid: str
    bytes: Mapping[tuple[str, str], int]
    retries: int | None = None
    out_of_memory: int | None = None
    segments: int | None = None


@dataclass(frozen=True)
class GpuFacts:
    """All that a scrape serves of the GPUs, and whether each source (a collector's name) answered the last time."""

    gpus: tuple[GpuReading, ...] = ()
    allocators: tuple[AllocatorReading, ...] = ()
    answers: Mapping[str, bool] = field(default_factory=lambda: {"nvml": False, "allocator": False})
