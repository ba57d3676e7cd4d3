"""The values of one device, converted from the driver's units to base units."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from vae_exporter._gpu.facts import Health
from vae_exporter._gpu.nvml.handles import GpuLostError
from vae_exporter._gpu.nvml.health import THROTTLE_REASONS, read_health
from vae_exporter._gpu.nvml.inventory import all_gpus
from vae_exporter.simulated_gpu import GIBIBYTE, a100, in_mig_mode, mig_slice

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]

PID = 4242


def health(pynvml: ModuleType) -> Health:
    """Return the values of the first GPU, which must all be readable."""
    pynvml.nvmlInit()
    read, errors = read_health(all_gpus(pynvml)[0].handle, PID)
    assert errors == []
    return read


def test_an_a100_of_80_gb(drive: Drive, pynvml: ModuleType) -> None:
    driver = drive(a100())
    driver.answer("gpu.0.energy", 8_123_456_789)
    driver.answer("gpu.0.processes", f"17:1000 {PID}:5368709120")
    assert health(pynvml) == Health(
        memory_total=80 * GIBIBYTE,
        memory_used=60 * GIBIBYTE,
        memory_free=20 * GIBIBYTE - 600 * 2**20,
        memory_reserved=600 * 2**20,
        process_memory=5368709120,
        temperature=52,
        memory_temperature=64,
        power=315.25,
        energy=8123456.789,
        utilization=0.98,
        memory_bandwidth_utilization=0.47,
        clocks={"graphics": 1_410_000_000, "sm": 1_410_000_000, "memory": 1_593_000_000, "video": 1_275_000_000},
        throttled={name: name == "sw_power_cap" for name in THROTTLE_REASONS},
        ecc_errors={"corrected": 0, "uncorrected": 0},
        remapped_rows={"corrected": 0, "uncorrected": 0},
        remap_pending=False,
        remap_failed=False,
    )


def test_an_a100_of_40_gb(drive: Drive, pynvml: ModuleType) -> None:
    drive(a100(gibibytes=40))
    read = health(pynvml)
    assert (read.memory_total, read.clocks["memory"]) == (40 * GIBIBYTE, 1_215_000_000)


def test_values_of_a_failing_gpu(drive: Drive, pynvml: ModuleType) -> None:
    driver = drive(a100())
    trouble = {"ecc.corrected": 7, "ecc.uncorrected": 2, "rows.uncorrected": 1, "rows.pending": 1, "rows.failed": 1}
    for name, value in {**trouble, "throttled": 0x48}.items():
        driver.answer(f"gpu.0.{name}", value)
    read = health(pynvml)
    assert read.ecc_errors == {"corrected": 7, "uncorrected": 2}
    assert read.remapped_rows == {"corrected": 0, "uncorrected": 1}
    assert (read.remap_pending, read.remap_failed) == (True, True)
    assert {name for name, holds in read.throttled.items() if holds} == {"hw_slowdown", "hw_thermal_slowdown"}


def test_only_supported_throttle_reasons_are_reported(drive: Drive, pynvml: ModuleType) -> None:
    drive({**a100(), "throttled": 0, "throttled.supported": 0x5})
    assert health(pynvml).throttled == {"gpu_idle": False, "sw_power_cap": False}


@pytest.mark.parametrize(
    ("names", "absent"),
    [
        (["memory.total"], ["memory_total", "memory_used", "memory_free", "memory_reserved"]),
        (["memory.reserved"], ["memory_reserved"]),
        (["temperature"], ["temperature"]),
        (["memory_temperature"], ["memory_temperature"]),
        (["power"], ["power"]),
        (["energy"], ["energy"]),
        (["utilization.gpu"], ["utilization", "memory_bandwidth_utilization"]),
        (["clock.graphics", "clock.sm", "clock.memory", "clock.video"], ["clocks"]),
        (["throttled"], ["throttled"]),
        (["ecc.corrected", "ecc.uncorrected"], ["ecc_errors"]),
        (["rows.pending"], ["remapped_rows", "remap_pending", "remap_failed"]),
        (["processes"], ["process_memory"]),
    ],
)
@pytest.mark.parametrize("answer", ["forget", "error 3", "error 4", "error 21"])
def test_an_unsupported_value_is_absent_and_does_not_affect_the_others(
    drive: Drive, pynvml: ModuleType, names: list[str], absent: list[str], answer: str
) -> None:
    driver = drive({**a100(), "processes": f"{PID}:1000"})
    for name in names:
        if answer == "forget":
            driver.forget(f"gpu.0.{name}")
        else:
            driver.answer(f"gpu.0.{name}", answer)
    read = health(pynvml)
    assert [part.name for part in fields(read) if getattr(read, part.name) in (None, {})] == absent


@pytest.mark.parametrize(
    ("name", "garbage", "part"),
    [
        ("temperature", 4294967295, "temperature"),
        ("memory_temperature", 0, "memory_temperature"),
        ("memory_temperature", 2147483647, "memory_temperature"),
        ("utilization.gpu", 101, "utilization"),
        ("utilization.memory", 4294967295, "memory_bandwidth_utilization"),
        ("memory.used", 2**63, "memory_used"),
        ("power", 4294967295, "power"),
        ("energy", 2**64 - 1, "energy"),
        ("processes", f"{PID}:{2**64 - 2}", "process_memory"),
        ("rows.pending", 4294967295, "remap_pending"),
        ("rows.failed", 4294967295, "remap_failed"),
    ],
)
def test_an_impossible_value_is_absent(drive: Drive, pynvml: ModuleType, name: str, garbage: object, part: str) -> None:
    drive({**a100(), name: garbage})
    assert getattr(health(pynvml), part) is None


def test_an_impossible_count_is_absent_and_the_other_is_not(drive: Drive, pynvml: ModuleType) -> None:
    drive({**a100(), "ecc.uncorrected": 2**64 - 1, "rows.uncorrected": 4294967295, "throttled": 2**64 - 1})
    read = health(pynvml)
    assert (read.ecc_errors, read.remapped_rows, read.throttled) == ({"corrected": 0}, {"corrected": 0}, {})


def test_an_impossible_clock_is_absent(drive: Drive, pynvml: ModuleType) -> None:
    drive({**a100(), "clock.video": 4294967295})
    assert health(pynvml).clocks.keys() == {"graphics", "sm", "memory"}


class TestProcessMemory:
    @pytest.mark.parametrize(
        ("processes", "expected"),
        [
            pytest.param("", None, id="no-process"),
            pytest.param("17:1000", None, id="another-process"),
            pytest.param(f"{PID}:-", None, id="unknown"),
            pytest.param(f"{PID}:1000 {PID}:24", 1024, id="in-two-contexts"),
        ],
    )
    def test_process_memory_is_what_the_driver_reports_or_absent(
        self, drive: Drive, pynvml: ModuleType, processes: str, expected: int | None
    ) -> None:
        drive({**a100(), "processes": processes})
        assert health(pynvml).process_memory == expected

    def test_process_memory_is_absent_in_another_pid_namespace(self, drive: Drive, pynvml: ModuleType) -> None:
        drive({**a100(), "processes": f"{PID}:1000"})
        pynvml.nvmlInit()
        read, _ = read_health(all_gpus(pynvml)[0].handle, None)
        assert read.process_memory is None


def test_a_slice_has_its_memory_and_no_values_of_its_gpu(drive: Drive, pynvml: ModuleType) -> None:
    drive(in_mig_mode(a100(), [mig_slice(0)]))
    pynvml.nvmlInit()
    (gpu,) = all_gpus(pynvml)
    read, errors = read_health(gpu.slices[0].handle, PID)
    assert errors == []
    assert read == Health(
        memory_total=10 * GIBIBYTE, memory_used=5 * GIBIBYTE, memory_free=5 * GIBIBYTE, memory_reserved=0
    )
    assert read_health(gpu.handle, PID)[0].utilization is None


def test_an_error_in_one_value_does_not_affect_the_others(drive: Drive, pynvml: ModuleType) -> None:
    drive({**a100(), "power": "error 999"})
    pynvml.nvmlInit()
    read, errors = read_health(all_gpus(pynvml)[0].handle, PID)
    assert (read.power, read.temperature) == (None, 52)
    assert errors == ["nvmlDeviceGetPowerUsage: Unknown Error"]


@pytest.mark.parametrize("code", [15, 16, 28], ids=["lost", "reset-required", "not-found"])
def test_a_gpu_that_cannot_be_reached_is_lost(drive: Drive, pynvml: ModuleType, code: int) -> None:
    driver = drive(a100())
    pynvml.nvmlInit()
    (gpu,) = all_gpus(pynvml)
    driver.answer("gpu.0.temperature", f"error {code}")
    with pytest.raises(GpuLostError):
        read_health(gpu.handle, PID)


class TestOtherReleases:
    def test_a_driver_that_calls_them_throttle_reasons(
        self, drive: Drive, pynvml: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before R535. nvidia-ml-py 12.535 and later have both names."""
        drive({**a100(), "throttled": 0x20})
        event = pynvml.nvmlDeviceGetCurrentClocksEventReasons

        def missing(_handle: object) -> int:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)

        monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", missing)
        monkeypatch.setattr(pynvml, "nvmlDeviceGetCurrentClocksThrottleReasons", event)
        assert health(pynvml).throttled["sw_thermal_slowdown"] is True

    def test_a_pynvml_without_some_functions_and_the_second_memory_structure(
        self, drive: Drive, pynvml: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drive(a100())
        memory_info = pynvml.nvmlDeviceGetMemoryInfo
        monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda handle: memory_info(handle))  # noqa: PLW0108 - it takes no version
        monkeypatch.delattr(pynvml, "nvmlDeviceGetRemappedRows")
        read = health(pynvml)
        assert (read.memory_reserved, read.remap_failed) == (None, None)
        assert read.memory_used == 60 * GIBIBYTE + 600 * 2**20
