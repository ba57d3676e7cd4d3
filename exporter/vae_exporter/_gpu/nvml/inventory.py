"""Finds the GPUs of this machine and their MIG slices."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter._gpu.facts import GpuIdentity
from vae_exporter._gpu.nvml.devices import Device, Slice
from vae_exporter._gpu.nvml.handles import GONE_CODES, GpuLostError, Handle, as_text

if TYPE_CHECKING:
    from types import ModuleType

_INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO in Linux' include/linux/proc_ns.h


def all_gpus(library: ModuleType) -> list[Device]:
    """Return the whole GPUs that answer, in NVML's order (by PCI bus), each with its MIG slices.

    Raises:
        NVMLError: If the driver does not answer.
    """
    version = as_text(library.nvmlSystemGetDriverVersion())
    found = (_gpu(library, index, version) for index in range(library.nvmlDeviceGetCount()))
    return [gpu for gpu in found if gpu]


def own_pid(proc: Path = Path("/proc")) -> int | None:
    """Return the ID of this process as NVML reports it. None in a container, whose PID namespace may differ."""
    try:
        namespace = (proc / "self" / "ns" / "pid").readlink()
    except OSError:
        return None
    return os.getpid() if str(namespace) == _INITIAL_PID_NAMESPACE else None


def _gpu(library: ModuleType, index: int, driver_version: str | None) -> Device | None:
    """Return a GPU, or None if it is lost or not accessible, which must not affect the others."""
    try:
        handle = Handle(library, library.nvmlDeviceGetHandleByIndex(index))
        uuid = handle.text("nvmlDeviceGetUUID")
        if not uuid:
            return None
        pci = handle.ask("nvmlDeviceGetPciInfo")
        identity = GpuIdentity(
            uuid=uuid,
            index=index,
            name=handle.text("nvmlDeviceGetName") or "unknown",
            pci_bus_id=None if pci is None else as_text(pci.busId),
            driver_version=driver_version,
        )
        return Device(identity, handle, handle, slices=_slices(handle, identity))
    except GpuLostError:
        return None
    except library.NVMLError as error:
        if error.value in GONE_CODES:
            raise
        return None


def _slices(gpu: Handle, identity: GpuIdentity) -> tuple[Device, ...]:
    mode = gpu.ask("nvmlDeviceGetMigMode")
    if not mode or not mode[0]:
        return ()
    places = gpu.ask("nvmlDeviceGetMaxMigDeviceCount") or 0
    return tuple(part for place in range(places) if (part := _slice(gpu, identity, place)))


def _slice(gpu: Handle, identity: GpuIdentity, place: int) -> Device | None:
    pointer = gpu.ask("nvmlDeviceGetMigDeviceHandleByIndex", place)
    if pointer is None:  # no slice at this place
        return None
    handle = Handle(gpu.library, pointer)
    uuid = handle.text("nvmlDeviceGetUUID")
    gpu_instance = handle.ask("nvmlDeviceGetGpuInstanceId")
    compute_instance = handle.ask("nvmlDeviceGetComputeInstanceId")
    if not uuid or gpu_instance is None or compute_instance is None:
        return None
    profile = re.search(r"MIG (\S+)", handle.text("nvmlDeviceGetName") or "")
    part = GpuIdentity(
        uuid=uuid,
        index=identity.index,
        name=identity.name,
        pci_bus_id=identity.pci_bus_id,
        driver_version=identity.driver_version,
        mig_profile=profile[1] if profile else "unknown",
    )
    return Device(part, handle, gpu, place=Slice(gpu_instance, compute_instance))
