"""Checks that the exporter names the same devices as torch, however CUDA_VISIBLE_DEVICES names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu import nvidia_smi
from vae_exporter.doctor.gpu.children import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

CHECK = "UUIDs"

_CHILD = "vae_exporter.doctor.gpu.uuids_child"

_PREFIX_LENGTH = 12  # GPU- and 8 digits


def check(_device: torch.device) -> Iterator[Finding]:
    """Yield a finding for each way of naming the devices, and for each MIG slice."""
    gpus, slices = nvidia_smi.devices()
    if not slices:
        for setting in settings(gpus):
            environment = {} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}
            yield whole_gpus(setting, answer_of(_CHILD, environment))
        yield Finding(CHECK, "MIG slices", "none on this machine")
    for uuid in slices:
        yield one_slice(uuid, answer_of(_CHILD, {"CUDA_VISIBLE_DEVICES": uuid}))


def settings(gpus: Sequence[str]) -> list[str | None]:
    """Return the values of CUDA_VISIBLE_DEVICES to try on a machine with *gpus*. None means that it is not set."""
    first = gpus[0]
    several = [",".join(reversed(gpus)), f"{len(gpus) - 1},0"] if len(gpus) > 1 else []
    return [None, "0", first, first[:_PREFIX_LENGTH], f"{first},junk", "", *several]


def whole_gpus(setting: str | None, answer: dict[str, Any]) -> Finding:
    """Compare the devices of the exporter with those of torch, before and after CUDA is initialized."""
    shown = "not set" if setting is None else repr(setting)
    used = answer["torch"][:1]
    passed = sorted(answer["exporter"]) == sorted(answer["torch"]) and answer["allocator"] == used
    figure = f"{_listed(answer['exporter'])}; memory held on {_listed(answer['allocator'])}"
    expected = f"{_listed(answer['torch'])}; {_listed(used)}"
    return Finding(CHECK, f"CUDA_VISIBLE_DEVICES {shown}", figure, expected, passed=passed)


def one_slice(uuid: str, answer: dict[str, Any]) -> Finding:
    """Check that the exporter names the MIG slice *uuid*, before and after CUDA is initialized."""
    passed = answer["exporter"] == [uuid] and answer["allocator"] == [uuid]
    figure = f"{_listed(answer['exporter'])}; memory held on {_listed(answer['allocator'])}"
    return Finding(CHECK, f"CUDA_VISIBLE_DEVICES {uuid!r}", figure, f"{uuid}; {uuid}", passed=passed)


def _listed(uuids: Sequence[str]) -> str:
    return ", ".join(uuids) or "none"
