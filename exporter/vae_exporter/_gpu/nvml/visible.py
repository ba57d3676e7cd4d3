"""Which of the machine's GPUs this process may use: what CUDA makes of CUDA_VISIBLE_DEVICES.

CUDA numbers anew what it shows to a process, so nothing here goes by a number once the UUID is known. The rules are
CUDA's own: https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables and, for MIG,
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
_MIG_BY_NUMBERS = re.compile(r"MIG-(GPU-[^/]+)/(\d+)/(\d+)")  # how drivers before R470 name a slice


class VisibleDevices:
    """The devices that CUDA shows to this process, by UUID.

    They are looked up again only if the environment says something else, or there is a GPU that was not there before.
    If one is lost, NVML may number the others anew, but CUDA does not.

    Args:
        environment: contains CUDA_VISIBLE_DEVICES.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._setting: tuple[str | None, ...] | None = None  # of the last lookup
        self._gpus: set[str] = set()  # among which the last lookup was made
        self._uuids: list[str] = []

    def among(self, gpus: Sequence[Device]) -> list[str]:
        """Return the UUIDs in CUDA's order, *gpus* being the whole GPUs of this machine; none if it is not known."""
        setting = tuple(self._environment.get(name) for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"))
        present = {gpu.uuid for gpu in gpus}
        if self._setting != setting or not present <= self._gpus:
            devices = visible_devices(gpus, self._environment) if gpus else None
            if devices is None:
                return []
            self._setting, self._gpus, self._uuids = setting, present, [device.uuid for device in devices]
        return self._uuids


def visible_devices(gpus: Sequence[Device], environment: Mapping[str, str]) -> list[Device] | None:
    """Return the devices that CUDA shows to this process, in CUDA's order, of *gpus* in NVML's (by PCI bus).

    None: the environment names devices by numbers that only CUDA knows, on a machine with several models. CUDA numbers
    the fastest first unless CUDA_DEVICE_ORDER is PCI_BUS_ID, and which it takes to be the fastest it does not say.
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
            break  # CUDA shows what stands before the first entry that it cannot find
        if device in chosen:
            return []  # and nothing where one is named twice
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
    """Return the one device whose UUID begins so."""
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
    """Return *devices* as CUDA shows them where some are in MIG mode: whole GPUs alone, or else one slice alone."""
    whole = [device for device in devices if device.place is None and not device.slices]
    if whole:
        return whole
    return [part for device in devices for part in (device.slices or (device,))][:1]


def name_of(cuda_uuid: str | None, ordinal: int, gpus: Sequence[Device], visible: Sequence[str]) -> str | None:
    """Return the UUID of CUDA's device *ordinal*, which torch calls *cuda_uuid*; None if nobody knows it.

    *visible* are the UUIDs of `visible_devices`. They decide where torch does not tell, and where it calls a slice by
    its GPU's UUID.
    """
    if cuda_uuid is not None:
        known = {device.uuid: device for gpu in gpus for device in (gpu, *gpu.slices)}
        as_slice = f"MIG-{cuda_uuid.removeprefix('GPU-')}"
        if as_slice in known:
            return as_slice
        if cuda_uuid not in known or not known[cuda_uuid].slices:
            return cuda_uuid
    return visible[ordinal] if ordinal < len(visible) else None
