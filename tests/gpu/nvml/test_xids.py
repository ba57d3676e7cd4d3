"""XID errors are counted from the moment that a device is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter._gpu.nvml.inventory import all_gpus
from vae_exporter._gpu.nvml.xids import XidErrors
from vae_exporter.simulated_gpu import a100, in_mig_mode, mig_slice

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from vae_exporter._gpu.nvml.devices import Device
    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]


@pytest.fixture
def xids() -> XidErrors:
    return XidErrors()


def begin(xids: XidErrors, pynvml: ModuleType) -> list[Device]:
    pynvml.nvmlInit()
    gpus = all_gpus(pynvml)
    xids.watch(pynvml, gpus)
    return gpus


def test_errors_are_counted_by_gpu_and_number(drive: Drive, pynvml: ModuleType, xids: XidErrors) -> None:
    driver = drive(a100(0), a100(1))
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.xids", "63")
    xids.count(pynvml, gpus)
    driver.answer("gpu.0.xids", "63 48 63")
    driver.answer("gpu.1.xids", "31")
    xids.count(pynvml, gpus)
    assert [xids.of(gpu) for gpu in gpus] == [{63: 2, 48: 1}, {31: 1}]


def test_earlier_errors_are_not_counted(drive: Drive, pynvml: ModuleType, xids: XidErrors) -> None:
    driver = drive({**a100(), "xids": "79"})
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.xids", "79 13")
    xids.count(pynvml, gpus)
    assert xids.of(gpus[0]) == {13: 1}


def test_the_last_error_of_a_gpu_that_fell_off_the_bus_is_counted(
    drive: Drive, pynvml: ModuleType, xids: XidErrors
) -> None:
    driver = drive(a100())
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.lost", 1)
    driver.answer("gpu.0.xids", "79")
    xids.count(pynvml, gpus)
    assert xids.of(gpus[0]) == {79: 1}


def test_the_counts_outlive_the_session(drive: Drive, pynvml: ModuleType, xids: XidErrors) -> None:
    driver = drive(a100())
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.xids", "48")
    xids.count(pynvml, gpus)
    xids.forget_session(pynvml)
    pynvml.nvmlShutdown()
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.xids", "48 94")
    xids.count(pynvml, gpus)
    assert xids.of(gpus[0]) == {48: 1, 94: 1}


def test_a_device_without_events_counts_none(drive: Drive, pynvml: ModuleType, xids: XidErrors) -> None:
    driver = drive(a100())
    driver.forget("gpu.0.events.supported")
    gpus = begin(xids, pynvml)
    driver.answer("gpu.0.xids", "48")
    xids.count(pynvml, gpus)
    assert xids.of(gpus[0]) == {}


def test_a_driver_without_events_is_not_a_failure(
    drive: Drive, pynvml: ModuleType, xids: XidErrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    drive(a100())
    monkeypatch.setattr(pynvml, "nvmlEventSetCreate", unsupported)
    gpus = begin(xids, pynvml)
    xids.count(pynvml, gpus)
    assert xids.of(gpus[0]) == {}


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        pytest.param(None, [{48: 1}, {48: 1}], id="of-the-whole-gpu"),
        pytest.param(8, [{}, {48: 1}], id="of-one-slice"),
    ],
)
def test_a_slice_counts_its_own_errors_and_those_of_its_gpu(
    drive: Drive, pynvml: ModuleType, xids: XidErrors, instance: int | None, expected: list[dict[int, int]]
) -> None:
    driver = drive(in_mig_mode(a100(), [mig_slice(0), mig_slice(1)]))
    pynvml.nvmlInit()
    slices = all_gpus(pynvml)[0].slices
    xids.watch(pynvml, slices)
    if instance is not None:
        driver.answer("gpu.0.xids.gpu_instance", instance)
    driver.answer("gpu.0.xids", "48")
    xids.count(pynvml, slices)
    assert [xids.of(part) for part in slices] == expected
