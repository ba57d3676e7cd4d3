"""The answers of simulated devices: an A100, and a MIG slice of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GIBIBYTE = 2**30


def a100(index: int = 0, *, gibibytes: int = 80, name: str = "") -> dict[str, object]:
    """Return the answers of a busy A100-SXM4 with 80 or 40 GB. *index* determines its UUID and its PCI address."""
    return {
        "uuid": f"GPU-{index:08x}-c1a0-4000-8000-00000000a100",
        "name": name or f"NVIDIA A100-SXM4-{gibibytes}GB",
        "pci_bus_id": f"00000000:{index + 1:02X}:00.0",
        "memory.total": gibibytes * GIBIBYTE,
        "memory.reserved": 600 * 2**20,
        "memory.used": gibibytes * GIBIBYTE * 3 // 4,
        "temperature": 52,
        "memory_temperature": 64,
        "power": 315_250,
        "energy": "8000000000 + 315250/s",
        "utilization.gpu": 98,
        "utilization.memory": 47,
        "clock.graphics": 1410,
        "clock.sm": 1410,
        "clock.memory": 1593 if gibibytes > 40 else 1215,  # noqa: PLR2004 - the two models
        "clock.video": 1275,
        "throttled": 0x4,
        "throttled.supported": 0x1FF,
        "ecc.corrected": 0,
        "ecc.uncorrected": 0,
        "rows.corrected": 0,
        "rows.uncorrected": 0,
        "rows.pending": 0,
        "rows.failed": 0,
        "mig": 0,
        "processes": "",
        "events.supported": 0x1D,
    }


def in_mig_mode(gpu: Mapping[str, object], slices: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Return the answers of *gpu* in MIG mode with *slices*, which are answers from `mig_slice`."""
    parts = {f"mig.{place}.{name}": value for place, part in enumerate(slices) for name, value in part.items()}
    unsupported = ("utilization.", "rows.")
    return {name: value for name, value in gpu.items() if not name.startswith(unsupported)} | {"mig": 1} | parts


def mig_slice(index: int, *, gibibytes: int = 10, profile: str = "1g.10gb") -> dict[str, object]:
    """Return the answers of a MIG slice, which are its memory and little else. *index* determines its UUID."""
    return {
        "uuid": f"MIG-{index:08x}-c1a0-5000-8000-00000000a100",
        "name": f"NVIDIA A100-SXM4-80GB MIG {profile}",
        "gpu_instance": index + 7,
        "compute_instance": 0,
        "memory.total": gibibytes * GIBIBYTE,
        "memory.reserved": 0,
        "memory.used": gibibytes * GIBIBYTE // 2,
        "processes": "",
    }
