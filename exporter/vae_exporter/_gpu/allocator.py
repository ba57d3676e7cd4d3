"""Reads the statistics of PyTorch's caching allocator: the GPU memory that the training holds and uses.

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
    """A CUDA device of this process.

    Args:
        ordinal: CUDA's number of the device.
        uuid: The UUID from torch, ``GPU-...``. For a MIG slice it may be that of its GPU. None before torch 2.4.
        stats: The device's `torch.cuda.memory_stats`.
    """

    ordinal: int
    uuid: str | None
    stats: Mapping[str, Any]

    @property
    def is_used(self) -> bool:
        """Whether this process has ever held memory on the device."""
        return bool(self.stats.get("reserved_bytes.all.peak", 0))

    def reading(self, uuid: str) -> AllocatorReading:
        """Return the allocator's statistics for the device *uuid*. Those that this torch does not have are absent."""
        keys = {(kind, stat): f"{kind}_bytes.all.{stat}" for kind in KINDS for stat in STATS}
        return AllocatorReading(
            uuid=uuid,
            bytes={key: int(self.stats[name]) for key, name in keys.items() if name in self.stats},
            retries=self.stats.get("num_alloc_retries"),
            out_of_memory=self.stats.get("num_ooms"),
            segments=self.stats.get("segment.all.current"),
        )


def cuda_devices(torch: Any) -> list[CudaDevice]:  # noqa: ANN401 - the module torch, or None
    """Return the CUDA devices of this process. There are none until torch is loaded and has initialized CUDA.

    This neither initializes CUDA nor waits for a device. It holds the allocator's lock while it copies the statistics,
    and does not reset the peaks, which the training may use.
    """
    cuda: Any = getattr(torch, "cuda", None)
    is_initialized = getattr(cuda, "is_initialized", None)  # missing while another thread imports torch
    if is_initialized is None or not is_initialized():
        return []
    return [
        CudaDevice(ordinal, _uuid(cuda, ordinal), cuda.memory_stats(ordinal)) for ordinal in range(cuda.device_count())
    ]


def _uuid(cuda: Any, ordinal: int) -> str | None:  # noqa: ANN401 - torch.cuda
    uuid = getattr(cuda.get_device_properties(ordinal), "uuid", None)  # since torch 2.4
    return None if uuid is None else f"GPU-{uuid}"
