"""Which devices are visible to CUDA, given CUDA_VISIBLE_DEVICES."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae_exporter._gpu.facts import GpuIdentity
from vae_exporter._gpu.nvml.devices import Device, Slice
from vae_exporter._gpu.nvml.handles import Handle
from vae_exporter._gpu.nvml.visible import name_of, visible_devices

A100, T400 = "NVIDIA A100-SXM4-80GB", "NVIDIA T400"
UUIDS = ("GPU-aa11", "GPU-aa22", "GPU-bb33")


PYNVML = ModuleType("pynvml")


def gpu(index: int, uuid: str, name: str = A100, slices: tuple[Device, ...] = ()) -> Device:
    handle = Handle(PYNVML, index)
    return Device(GpuIdentity(uuid, index, name), handle, handle, slices)


def part(uuid: str, gpu_instance: int, compute_instance: int = 0) -> Device:
    identity = GpuIdentity(uuid, 0, A100, mig_profile="1g.10gb")
    place = Slice(gpu_instance, compute_instance)
    return Device(identity, Handle(PYNVML, uuid), Handle(PYNVML, 0), place=place)


GPUS = [gpu(index, uuid) for index, uuid in enumerate(UUIDS)]
MIXED = [gpu(0, "GPU-aa11"), gpu(1, "GPU-aa22", T400)]
CUT = [gpu(0, "GPU-aa11", slices=(part("MIG-cc44", 7), part("MIG-cc55", 8, 1))), gpu(1, "GPU-aa22")]
ALL_CUT = CUT[:1]


def seen(gpus: list[Device], text: str | None, **more: str) -> list[str] | None:
    environment = more if text is None else {"CUDA_VISIBLE_DEVICES": text, **more}
    devices = visible_devices(gpus, environment)
    return None if devices is None else [device.uuid for device in devices]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(None, [*UUIDS], id="unset"),
        pytest.param("", [], id="empty"),
        pytest.param("0", ["GPU-aa11"], id="a-number"),
        pytest.param("2,0", ["GPU-bb33", "GPU-aa11"], id="numbers-in-another-order"),
        pytest.param(" 1 , 2 ", ["GPU-aa22", "GPU-bb33"], id="blanks"),
        pytest.param("-1", [], id="minus-1"),
        pytest.param("0,-1,2", ["GPU-aa11"], id="what-stands-before-minus-1"),
        pytest.param("0,junk", ["GPU-aa11"], id="what-stands-before-junk"),
        pytest.param("0junk", ["GPU-aa11"], id="a-number-and-junk"),
        pytest.param("junk,0", [], id="junk-first"),
        pytest.param("7", [], id="no-such-number"),
        pytest.param("9" * 30, [], id="a-number-beyond-all"),
        pytest.param("0,0", [], id="one-twice"),
        pytest.param("GPU-aa11,GPU-aa1", [], id="one-twice-by-uuid"),
        pytest.param("GPU-bb33", ["GPU-bb33"], id="a-uuid"),
        pytest.param("GPU-bb", ["GPU-bb33"], id="a-prefix"),
        pytest.param("gpu-bb", [], id="gpu-in-small-letters"),
        pytest.param("GPU-AA22", ["GPU-aa22"], id="capitals"),
        pytest.param("GPU-aa", [], id="a-prefix-of-two"),
        pytest.param("GPU-bb,GPU-ff,GPU-aa11", ["GPU-bb33"], id="what-stands-before-an-unknown-uuid"),
        pytest.param("MIG-cc44", [], id="no-such-slice"),
    ],
)
def test_visible_whole_gpus(text: str | None, expected: list[str]) -> None:
    assert seen(GPUS, text) == expected


@pytest.mark.parametrize(
    ("gpus", "text", "expected"),
    [
        pytest.param(ALL_CUT, None, ["MIG-cc44"], id="unset-the-first-slice-alone"),
        pytest.param(ALL_CUT, "0", ["MIG-cc44"], id="its-gpu's-number"),
        pytest.param(ALL_CUT, "GPU-aa11", ["MIG-cc44"], id="its-gpu's-uuid"),
        pytest.param(CUT, "MIG-cc55", ["MIG-cc55"], id="a-uuid"),
        pytest.param(CUT, "MIG-cc5", ["MIG-cc55"], id="a-prefix"),
        pytest.param(CUT, "MIG-cc44,MIG-cc55", ["MIG-cc44"], id="one-alone"),
        pytest.param(CUT, "MIG-GPU-aa11/8/1", ["MIG-cc55"], id="by-numbers-as-before-r470"),
        pytest.param(CUT, "MIG-GPU-aa11/8/0", [], id="numbers-of-no-slice"),
        pytest.param(CUT, None, ["GPU-aa22"], id="whole-gpus-come-first"),
        pytest.param(CUT, "MIG-dd", [], id="unknown"),
    ],
)
def test_visible_slices(gpus: list[Device], text: str | None, expected: list[str]) -> None:
    assert seen(gpus, text) == expected


def test_numbers_are_unknown_among_several_models() -> None:
    """CUDA's order is undocumented. Only torch knows it, after it has initialized CUDA."""
    assert seen(MIXED, "1") is None
    assert seen(MIXED, "1", CUDA_DEVICE_ORDER="FASTEST_FIRST") is None
    assert seen(MIXED, "1", CUDA_DEVICE_ORDER="PCI_BUS_ID") == ["GPU-aa22"]
    assert seen(MIXED, "GPU-aa22") == ["GPU-aa22"]
    assert seen(MIXED, None) == ["GPU-aa11", "GPU-aa22"]


@given(
    text=st.text()
    | st.lists(st.sampled_from(["0", "1", "-1", "", " 2", "GPU-", "GPU-aa11", "MIG-cc", "x"])).map(",".join),
    gpus=st.sampled_from([GPUS, MIXED, CUT, ALL_CUT, []]),
)
def test_for_any_environment_visible_devices_exist_and_are_unique(text: str, gpus: list[Device]) -> None:
    uuids = seen(gpus, text)
    known = {device.uuid for gpu in gpus for device in (gpu, *gpu.slices)}
    assert uuids is None or (set(uuids) <= known and len(uuids) == len(set(uuids)))


@pytest.mark.parametrize(
    ("cuda_uuid", "gpus", "expected"),
    [
        pytest.param("GPU-bb33", GPUS, "GPU-bb33", id="torch-knows-best"),
        pytest.param("GPU-ee66", [], "GPU-ee66", id="without-nvml"),
        pytest.param(None, GPUS, "GPU-v0", id="an-old-torch"),
        pytest.param("GPU-cc55", CUT, "MIG-cc55", id="a-slice-under-its-own-uuid"),
        pytest.param("GPU-aa11", CUT, "GPU-v0", id="a-slice-under-its-gpu's-uuid"),
    ],
)
def test_the_uuid_of_a_cuda_device(cuda_uuid: str | None, gpus: list[Device], expected: str) -> None:
    assert name_of(cuda_uuid, 0, gpus, ["GPU-v0"]) == expected


def test_an_unknown_device_has_no_uuid() -> None:
    assert name_of(None, 1, GPUS, ["GPU-v0"]) is None
