"""A device as NVML knows it: a whole GPU, or a MIG slice of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_exporter._gpu.facts import GpuIdentity
    from vae_exporter._gpu.nvml.handles import Handle


@dataclass(frozen=True)
class Slice:
    """A MIG slice's place on its GPU."""

    gpu_instance: int
    compute_instance: int


@dataclass(frozen=True)
class Device:
    """A whole GPU, or a MIG slice of one.

    Args:
        identity: how it is published.
        handle: NVML's handle of it.
        parent: the whole GPU's handle; of a whole GPU, the same.
        slices: the MIG slices of a whole GPU.
        place: where a slice is.
    """

    identity: GpuIdentity
    handle: Handle
    parent: Handle
    slices: tuple[Device, ...] = ()
    place: Slice | None = None

    @property
    def uuid(self) -> str:
        """The UUID, of the GPU or of the slice."""
        return self.identity.uuid
