"""NVML's devices: GPUs and their MIG slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vae_exporter._gpu.facts import GpuIdentity
    from vae_exporter._gpu.nvml.handles import Handle


@dataclass(frozen=True)
class Slice:
    """The place of a MIG slice on its GPU."""

    gpu_instance: int
    compute_instance: int


@dataclass(frozen=True)
class Device:
    """A whole GPU, or a MIG slice of one.

    Args:
        identity: The identity that is exported.
        handle: The NVML handle of the device.
        parent: The NVML handle of the whole GPU, which is *handle* for a whole GPU.
        slices: The MIG slices of a whole GPU.
        place: The place of a slice. None for a whole GPU.
    """

    identity: GpuIdentity
    handle: Handle
    parent: Handle
    slices: tuple[Device, ...] = ()
    place: Slice | None = None

    @property
    def uuid(self) -> str:
        """The UUID of the GPU or of the slice."""
        return self.identity.uuid
