"""The allocator's statistics are read without initializing CUDA or waiting for a device."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from stand_in_cuda import Cuda, Torch, memory_stats

from vae_exporter._gpu.allocator import cuda_devices
from vae_exporter._gpu.facts import AllocatorReading


def test_all_statistics_of_an_allocator_are_read() -> None:
    stats = memory_stats(allocated=1000, reserved=1500, num_alloc_retries=2, num_ooms=1)
    (device,) = cuda_devices(Torch(Cuda([stats], ["aa11"])))
    assert (device.uuid, device.is_used) == ("GPU-aa11", True)
    assert device.reading("GPU-x") == AllocatorReading(
        uuid="GPU-x",
        bytes={
            ("allocated", "current"): 1000,
            ("allocated", "peak"): 1001,
            ("reserved", "current"): 1500,
            ("reserved", "peak"): 1500,
            ("active", "current"): 1000,
            ("active", "peak"): 1000,
            ("inactive_split", "current"): 500,
            ("inactive_split", "peak"): 500,
            ("requested", "current"): 1000,
            ("requested", "peak"): 1000,
        },
        retries=2,
        out_of_memory=1,
        segments=3,
    )


def test_statistics_that_an_allocator_does_not_have_are_absent() -> None:
    (device,) = cuda_devices(Torch(Cuda([{"allocated_bytes.all.current": 5}])))
    assert device.uuid is None
    assert device.reading("GPU-x") == AllocatorReading("GPU-x", {("allocated", "current"): 5})


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(None, id="no-torch"),
        pytest.param(SimpleNamespace(), id="torch-is-being-imported"),
        pytest.param(Torch(Cuda([memory_stats(0, 0)], initialized=False)), id="cuda-is-not-initialized"),
        pytest.param(torch, id="the-real-torch-before-it-uses-a-gpu"),
    ],
)
def test_without_cuda_there_are_no_devices(module: object) -> None:
    assert cuda_devices(module) == []
    assert torch.cuda.is_initialized() is False  # type: ignore[no-untyped-call]


def test_a_device_without_memory_is_not_used() -> None:
    devices = cuda_devices(Torch(Cuda([memory_stats(0, 0), memory_stats(1, 2)])))
    assert [(device.ordinal, device.is_used) for device in devices] == [(0, False), (1, True)]
