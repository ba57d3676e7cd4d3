"""The GPUs of the trainings: one for each rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from looks.trainings import ONSET, STEP_SECONDS, TRAININGS
from vae_exporter._gpu.facts import AllocatorReading, GpuFacts, GpuIdentity, GpuReading, Health
from vae_exporter._gpu.nvml.health import THROTTLE_REASONS

if TYPE_CHECKING:
    from looks.trainings import Training

GIBIBYTE = 1 << 30
TOTAL = 80 * GIBIBYTE


def cards(training: Training, rank: int, seconds: float) -> GpuFacts:
    """Return the reading of the GPU of a rank at *seconds*."""
    index = TRAININGS.index(training)
    uuid = f"GPU-{index:02x}{rank:x}f8b2c-aaaa-4bbb-8ccc-{index:012x}"
    is_late = seconds > ONSET * STEP_SECONDS
    load = training.memory * TOTAL * (1 - 0.05 * math.exp(-seconds / 60))
    allocated, reserved = int(load), int(min(1.08 * load, 0.98 * TOTAL))
    warm = min(1.0, seconds / 300)
    health = Health(
        memory_total=TOTAL,
        memory_used=reserved + GIBIBYTE,
        memory_free=TOTAL - reserved - GIBIBYTE,
        temperature=int(40 + 28 * warm + 2 * math.sin(seconds / 60)),
        memory_temperature=int(45 + 40 * warm + 2 * math.sin(seconds / 50)),
        power=180 + 320 * warm + 20 * math.sin(seconds / 45 + rank),
        energy=500 * seconds,
        utilization=0.93 + 0.05 * math.sin(seconds / 30 + rank),
        memory_bandwidth_utilization=0.52 + 0.05 * math.sin(seconds / 35 + rank),
        clocks={"sm": int(1.41e9 - 1.5e8 * (is_late and rank == 0)), "memory": int(1.593e9)},
        throttled={reason: reason == "sw_power_cap" and is_late and rank == 0 for reason in THROTTLE_REASONS},
        ecc_errors={"corrected": 3, "uncorrected": 0},
        remapped_rows={"correctable": 1, "uncorrectable": 0},
        remap_pending=False,
        remap_failed=False,
    )
    identity = GpuIdentity(uuid, rank, "NVIDIA H100 80GB HBM3", f"00000000:{rank + 1:02x}:00.0", "550.54")
    split = reserved // 50
    kinds = {"allocated": allocated, "reserved": reserved, "active": allocated, "inactive_split": split}
    held = {(kind, stat): value for kind, value in kinds.items() for stat in ("current", "peak")}
    allocator = AllocatorReading(uuid, held, retries=0, out_of_memory=0, segments=420)
    answers = {"gpu": True, "allocator": True}
    return GpuFacts((GpuReading(identity, health, seconds),), (allocator,), answers)
