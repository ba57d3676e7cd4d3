"""The GPU readings that the sampler passes to the collectors. None means that a value is not available."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class GpuIdentity:
    """The identity of a GPU or a MIG slice. Apart from *uuid* and *mig_profile*, a slice has the values of its GPU."""

    uuid: str
    index: int
    name: str
    pci_bus_id: str | None = None
    driver_version: str | None = None
    mig_profile: str | None = None


@dataclass(frozen=True)
class Health:
    """The values of one device, in base units. A value that the device does not report is None or empty."""

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
    """The last reading of one device, at *time* in Unix seconds. *is_lost* and *xid_errors* may be newer."""

    identity: GpuIdentity
    health: Health
    time: float | None
    is_lost: bool = False
    xid_errors: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AllocatorReading:
    """PyTorch's caching allocator on one device. The keys of *bytes* are a kind and ``current`` or ``peak``."""

    uuid: str
    bytes: Mapping[tuple[str, str], int]
    retries: int | None = None
    out_of_memory: int | None = None
    segments: int | None = None


@dataclass(frozen=True)
class GpuFacts:
    """All GPU readings, and whether the last reading for each collector succeeded."""

    gpus: tuple[GpuReading, ...] = ()
    allocators: tuple[AllocatorReading, ...] = ()
    answers: Mapping[str, bool] = field(default_factory=lambda: {"gpu": False, "allocator": False})
