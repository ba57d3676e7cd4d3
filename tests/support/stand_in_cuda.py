"""A stand-in for torch.cuda with the calls that another thread may make. Any other call fails the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace


def memory_stats(allocated: int, reserved: int, **more: int) -> dict[str, int]:
    """Return the statistics of `torch.cuda.memory_stats` that the exporter reads."""
    return {
        "allocated_bytes.all.current": allocated,
        "allocated_bytes.all.peak": allocated + 1,
        "reserved_bytes.all.current": reserved,
        "reserved_bytes.all.peak": reserved,
        "active_bytes.all.current": allocated,
        "active_bytes.all.peak": allocated,
        "inactive_split_bytes.all.current": reserved - allocated,
        "inactive_split_bytes.all.peak": reserved - allocated,
        "requested_bytes.all.current": allocated,
        "requested_bytes.all.peak": allocated,
        "segment.all.current": 3,
        "num_alloc_retries": 0,
        "num_ooms": 0,
        **more,
    }


@dataclass
class Cuda:
    """A stand-in for ``torch.cuda``. *uuids* have no prefix ``GPU-``, as in torch. None simulates torch before 2.4."""

    stats: list[dict[str, int]] = field(default_factory=list)
    uuids: list[str] | None = None
    initialized: bool = True
    failed: bool = False

    def is_initialized(self) -> bool:
        return self.initialized

    def device_count(self) -> int:
        assert self.initialized, "this would initialise CUDA"
        return len(self.stats)

    def memory_stats(self, ordinal: int) -> dict[str, int]:
        assert self.initialized, "this would initialise CUDA"
        if self.failed:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return self.stats[ordinal]

    def get_device_properties(self, ordinal: int) -> SimpleNamespace:
        assert self.initialized, "this would initialise CUDA"
        return SimpleNamespace() if self.uuids is None else SimpleNamespace(uuid=self.uuids[ordinal])


@dataclass
class Torch:
    """A stand-in for ``torch``."""

    cuda: Cuda
