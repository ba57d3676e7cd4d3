"""torch's caching allocator: how much of the GPU's memory the training holds, and what of it is in use.

https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.memory_stats.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae_exporter._gpu.facts import AllocatorReading

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("allocated", "reserved", "active", "inactive_split", "requested")
STATS = ("current", "peak")


@dataclass(frozen=True)
class CudaDevice:
    """One of CUDA's devices in this process.

    Args:
        ordinal: CUDA's number of it.
        uuid: as torch knows it, ``GPU-...``; None where torch is too old to tell. Of a MIG slice it may be its GPU's.
        stats: `torch.cuda.memory_stats` of it.
    """

    ordinal: int
    uuid: str | None
    stats: Mapping[str, Any]

    @property
    def is_used(self) -> bool:
        """Whether this process has ever held memory on it."""
        return bool(self.stats.get("reserved_bytes.all.peak", 0))

    def reading(self, uuid: str) -> AllocatorReading:
        """Return what the allocator says, under the name *uuid*. What this torch does not tell is absent."""
        keys = {(kind, stat): f"{kind}_bytes.all.{stat}" for kind in KINDS for stat in STATS}
        return AllocatorReading(
            uuid=uuid,
            bytes={key: int(self.stats[name]) for key, name in keys.items() if name in self.stats},
            retries=self.stats.get("num_alloc_retries"),
            out_of_memory=self.stats.get("num_ooms"),
            segments=self.stats.get("segment.all.current"),
        )


def cuda_devices(torch: Any) -> list[CudaDevice]:  # noqa: ANN401 - the module torch, or None
    """Return CUDA's devices in this process, as torch sees them. None where torch is not loaded, or uses no CUDA yet.

    Nothing here initialises CUDA or waits for a device. It takes the allocator's lock, for as long as it takes to copy
    its figures, and resets none of them: the peaks are the training's own, too.
    """
    cuda: Any = getattr(torch, "cuda", None)
    is_initialized = getattr(cuda, "is_initialized", None)  # missing while another thread imports torch
    if is_initialized is None or not is_initialized():
        return []
    return [
        CudaDevice(ordinal, _uuid(cuda, ordinal), cuda.memory_stats(ordinal)) for ordinal in range(cuda.device_count())
    ]


def _uuid(cuda: Any, ordinal: int) -> str | None:  # noqa: ANN401 - torch.cuda
    uuid = getattr(cuda.get_device_properties(ordinal), "uuid", None)  # from torch 2.4 on
    return None if uuid is None else f"GPU-{uuid}"
