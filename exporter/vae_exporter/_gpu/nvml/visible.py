"""Determines which GPUs of the machine are visible to CUDA in this process, from CUDA_VISIBLE_DEVICES.

CUDA renumbers the visible devices, so this code uses UUIDs wherever they are known. The rules are those of CUDA:
https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables and, for MIG,
https://docs.nvidia.com/datacenter/tesla/mig-user-guide/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vae_exporter._gpu.nvml.devices import Slice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vae_exporter._gpu.nvml.devices import Device

_LEADING_NUMBER = re.compile(r"\s*\+?(\d{1,9})")
_MIG_BY_NUMBERS = re.compile(r"MIG-(GPU-[^/]+)/(\d+)/(\d+)")  # the names of slices before driver R470


class VisibleDevices:
    """The UUIDs of the devices that are visible to CUDA in this process.

    They are looked up again only if the environment changes or a new GPU appears. If a GPU is lost, NVML may renumber
    the others, but CUDA does not.

    Args:
        environment: The environment variables, such as CUDA_VISIBLE_DEVICES.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._setting: tuple[str | None, ...] | None = None  # at the last lookup
        self._gpus: set[str] = set()  # the GPUs at the last lookup
        self._uuids: list[str] = []

    def among(self, gpus: Sequence[Device]) -> list[str]:
        """Return the UUIDs in CUDA's order. *gpus* are the whole GPUs of this machine. Empty if it is unknown."""
        setting = tuple(self._environment.get(name) for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"))
        present = {gpu.uuid for gpu in gpus}
        if self._setting != setting or not present <= self._gpus:
            devices = visible_devices(gpus, self._environment) if gpus else None
            if devices is None:
                return []
            self._setting, self._gpus, self._uuids = setting, present, [device.uuid for device in devices]
        return self._uuids


def visible_devices(gpus: Sequence[Device], environment: Mapping[str, str]) -> list[Device] | None:
    """Return the devices that are visible to CUDA, in CUDA's order. *gpus* are in NVML's order (by PCI bus).

    None means that CUDA_VISIBLE_DEVICES has numbers that only CUDA can resolve, on a machine with several GPU models.
    CUDA numbers the fastest GPU first, by an undocumented measure, unless CUDA_DEVICE_ORDER is PCI_BUS_ID.
    """
    text = environment.get("CUDA_VISIBLE_DEVICES")
    if text is None:
        return _as_cuda_shows(list(gpus))
    entries = [entry.strip() for entry in text.split(",")]
    if any(_LEADING_NUMBER.match(entry) for entry in entries) and not _numbers_are_known(gpus, environment):
        return None
    chosen: list[Device] = []
    for entry in entries:
        device = _named(entry, gpus)
        if device is None:
            break  # CUDA ignores the first invalid entry and all after it
        if device in chosen:
            return []  # CUDA shows no device if one is repeated
        chosen.append(device)
    return _as_cuda_shows(chosen)


def _numbers_are_known(gpus: Sequence[Device], environment: Mapping[str, str]) -> bool:
    in_bus_order = environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    return in_bus_order or len({gpu.identity.name for gpu in gpus}) <= 1


def _named(entry: str, gpus: Sequence[Device]) -> Device | None:
    number = _LEADING_NUMBER.match(entry)
    if number:
        index = int(number[1])
        return next((gpu for gpu in gpus if gpu.identity.index == index), None)
    if entry.startswith("MIG-"):
        slices = [part for gpu in gpus for part in gpu.slices]
        return _by_numbers(entry, gpus) or _by_prefix(entry, slices)
    return _by_prefix(entry, gpus) if entry.startswith("GPU-") else None


def _by_prefix(prefix: str, devices: Sequence[Device]) -> Device | None:
    """Return the device whose UUID starts with *prefix*, if there is exactly one."""
    found = [device for device in devices if device.uuid.lower().startswith(prefix.lower())]
    return found[0] if len(found) == 1 else None


def _by_numbers(entry: str, gpus: Sequence[Device]) -> Device | None:
    parts = _MIG_BY_NUMBERS.fullmatch(entry)
    gpu = _by_prefix(parts[1], gpus) if parts else None
    if parts is None or gpu is None:
        return None
    place = Slice(int(parts[2]), int(parts[3]))
    return next((part for part in gpu.slices if part.place == place), None)


def _as_cuda_shows(devices: list[Device]) -> list[Device]:
    """Return the visible ones of *devices*. CUDA shows either whole GPUs or a single MIG slice."""
    whole = [device for device in devices if device.place is None and not device.slices]
    if whole:
        return whole
    return [part for device in devices for part in (device.slices or (device,))][:1]


def name_of(cuda_uuid: str | None, ordinal: int, gpus: Sequence[Device], visible: Sequence[str]) -> str | None:
    """Return the UUID of CUDA's device *ordinal*, for which torch reports *cuda_uuid*. None if it is unknown.

    *visible* are the UUIDs of `visible_devices`. They decide if torch reports no UUID, or reports the UUID of the GPU
    for a slice.
    """
    if cuda_uuid is not None:
        known = {device.uuid: device for gpu in gpus for device in (gpu, *gpu.slices)}
        as_slice = f"MIG-{cuda_uuid.removeprefix('GPU-')}"
        if as_slice in known:
            return as_slice
        if cuda_uuid not in known or not known[cuda_uuid].slices:
            return cuda_uuid
    return visible[ordinal] if ordinal < len(visible) else None
