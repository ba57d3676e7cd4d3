"""Which GPUs the sampler reads, and what it keeps if the driver or torch fails."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from deadline import wait_until
from stand_in_cuda import Cuda, Torch, memory_stats
from watched_gpus import SLICE, UUID, Watch

from vae_exporter._gpu.nvml.source import RETRY_SECONDS
from vae_exporter._gpu.sampler import GpuSampler
from vae_exporter._process.failures import Failures
from vae_exporter.simulated_gpu import a100, in_mig_mode, mig_slice

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]


class TestWhichDevices:
    def test_own_selects_the_devices_that_are_visible_to_cuda(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(*map(a100, range(4)))
        watch = Watch(pynvml, environment={"CUDA_VISIBLE_DEVICES": "2,0"}).sample()
        assert (watch.uuids, watch.answers) == ([UUID(2), UUID(0)], True)

    def test_all_selects_the_devices_of_the_machine_and_their_slices(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100(0), in_mig_mode(a100(1), [mig_slice(0)]))
        watch = Watch(pynvml, choice="all", environment={"CUDA_VISIBLE_DEVICES": ""}).sample()
        assert watch.uuids == [UUID(0), UUID(1), SLICE(0)]

    def test_no_visible_device_is_not_a_failure(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100())
        watch = Watch(pynvml, environment={"CUDA_VISIBLE_DEVICES": ""}).sample()
        assert (watch.uuids, watch.answers) == ([], True)

    def test_own_selects_the_devices_on_which_torch_holds_memory(self, drive: Drive, pynvml: ModuleType) -> None:
        """With torchrun, each rank sees all GPUs and uses one."""
        drive(*map(a100, range(3)))
        cuda = Cuda([memory_stats(0, 0)] * 3, [UUID(index).removeprefix("GPU-") for index in range(3)])
        watch = Watch(pynvml, torch=Torch(cuda)).sample()
        assert watch.uuids == [UUID(0), UUID(1), UUID(2)]
        cuda.stats[1] = memory_stats(10, 20)
        assert watch.sample().uuids == [UUID(1)]

    def test_torch_resolves_numbers_among_several_models(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100(0, name="NVIDIA T400"), a100(1))
        cuda = Cuda([memory_stats(1, 2)], [UUID(1).removeprefix("GPU-")], initialized=False)
        watch = Watch(pynvml, torch=Torch(cuda), environment={"CUDA_VISIBLE_DEVICES": "0"}).sample()
        assert watch.uuids == []
        cuda.initialized = True
        watch.sample()
        assert watch.uuids == [UUID(1)]
        assert [allocator.uuid for allocator in watch.sampler.facts().allocators] == [UUID(1)]

    def test_a_slice_is_exported_under_its_own_uuid(self, drive: Drive, pynvml: ModuleType) -> None:
        """torch may report the UUID of its GPU."""
        drive(in_mig_mode(a100(), [mig_slice(0), mig_slice(1)]))
        cuda = Cuda([memory_stats(1, 2)], [UUID(0).removeprefix("GPU-")])
        watch = Watch(pynvml, torch=Torch(cuda), environment={"CUDA_VISIBLE_DEVICES": SLICE(1)}).sample()
        assert watch.uuids == [SLICE(1)]
        assert [allocator.uuid for allocator in watch.sampler.facts().allocators] == [SLICE(1)]

    def test_a_number_keeps_its_gpu_when_another_gpu_is_lost(self, drive: Drive, pynvml: ModuleType) -> None:
        """A new session may renumber the remaining GPUs."""
        driver = drive(*map(a100, range(3)))
        watch = Watch(pynvml, environment={"CUDA_VISIBLE_DEVICES": "0,2"}).sample()
        driver.answer("gpu.0.lost", 1)
        for _ in range(3):
            watch.sample(after=RETRY_SECONDS)
        assert dict(zip(watch.uuids, watch.lost, strict=True)) == {UUID(0): True, UUID(2): False}

    def test_a_number_finds_a_gpu_that_appears_late(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(*map(a100, range(2)))
        driver.answer("gpu.1.lost", 1)
        watch = Watch(pynvml, environment={"CUDA_VISIBLE_DEVICES": "1"}).sample()
        assert watch.uuids == []
        driver.answer("gpu.1.lost", 0)
        watch.source.close()  # another session, as after any error
        assert watch.sample(after=RETRY_SECONDS).uuids == [UUID(1)]

    def test_two_devices_with_one_uuid_are_exported_once(self, drive: Drive, pynvml: ModuleType) -> None:
        """Prometheus rejects a scrape with duplicate series."""
        drive(a100())
        uuid = UUID(0).removeprefix("GPU-")
        watch = Watch(pynvml, torch=Torch(Cuda([memory_stats(1, 2), memory_stats(3, 4)], [uuid, uuid]))).sample()
        assert watch.uuids == [UUID(0)]
        assert [allocator.uuid for allocator in watch.sampler.facts().allocators] == [UUID(0)]


class TestTrouble:
    def test_the_last_reading_of_a_lost_gpu_stays_with_its_time(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(a100(0), a100(1))
        watch = Watch(pynvml).sample()
        driver.answer("gpu.1.temperature", 99)
        driver.answer("gpu.1.lost", 1)
        watch.sample()
        assert (watch.times, watch.temperatures) == ([1010.0, 1005.0], [52, 52])
        assert (watch.lost, watch.answers) == ([False, True], False)

    def test_a_gpu_that_comes_back_is_read_again(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(a100(0), a100(1))
        watch = Watch(pynvml).sample()
        driver.answer("gpu.1.lost", 1)
        for _ in range(4):
            watch.sample(after=RETRY_SECONDS)
        assert (watch.lost, watch.answers) == ([False, True], False)
        driver.answer("gpu.1.lost", 0)
        for _ in range(3):
            watch.sample(after=RETRY_SECONDS)
        assert (watch.lost, watch.answers, watch.times) == ([False, False], True, [watch.now] * 2)

    def test_the_session_restarts_at_intervals_to_find_a_lost_gpu(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(a100(0), a100(1))
        watch = Watch(pynvml).sample()
        driver.answer("gpu.1.lost", 1)
        driver.answer("calls", driver.file.with_name("calls"))
        for _ in range(40):
            watch.sample(after=RETRY_SECONDS / 10)
        assert driver.file.with_name("calls").read_text().split().count("nvmlInitWithFlags") == 3

    def test_a_driver_that_is_reloaded_is_found_again(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100())
        watch = Watch(pynvml).sample()
        pynvml.nvmlShutdown()  # a reload ends existing sessions
        assert not watch.sample().answers
        for _ in range(3):
            watch.sample(after=RETRY_SECONDS)
        assert (watch.answers, watch.times) == (True, [watch.now])

    @pytest.mark.parametrize("code", [9, 18, 4, 999], ids=["not-loaded", "mismatch", "no-permission", "unknown"])
    def test_a_driver_that_is_not_loaded_yet_is_logged_once_and_found_later(
        self, drive: Drive, pynvml: ModuleType, caplog: pytest.LogCaptureFixture, code: int
    ) -> None:
        driver = drive(a100())
        driver.answer("init", f"error {code}")
        watch = Watch(pynvml)
        for _ in range(10):
            watch.sample(after=RETRY_SECONDS / 5)
        assert (watch.uuids, watch.answers) == ([], False)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        driver.answer("init", "ok")
        assert watch.sample(after=RETRY_SECONDS).answers

    def test_an_error_in_one_value_does_not_affect_the_others(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(a100())
        watch = Watch(pynvml).sample()
        driver.answer("gpu.0.power", "error 999")
        driver.answer("gpu.0.temperature", 60)
        watch.sample()
        assert (watch.answers, watch.times, watch.temperatures) == (False, [watch.now], [60])

    def test_a_slice_that_was_removed_is_not_lost(self, drive: Drive, pynvml: ModuleType) -> None:
        driver = drive(in_mig_mode(a100(), [mig_slice(0), mig_slice(1)]))
        watch = Watch(pynvml, choice="all").sample()
        driver.forget("gpu.0.mig.1.uuid")
        for name in ("memory.total", "memory.used"):
            driver.answer(f"gpu.0.mig.1.{name}", "error 2")
        watch.source.close()  # another session, as after any error
        watch.sample(after=RETRY_SECONDS)
        assert (watch.uuids, watch.lost) == ([UUID(0), SLICE(0)], [False, False])

    def test_an_unexpected_exception_is_counted_and_does_not_affect_other_devices(
        self, drive: Drive, pynvml: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drive(a100())

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        watch = Watch(pynvml).sample()
        monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", fail)
        watch.sample()
        assert (watch.answers, watch.times, watch.failures.errors["sample"]) == (False, [1005.0], 1)

    def test_an_allocator_that_fails_keeps_its_last_reading(self, drive: Drive, pynvml: ModuleType) -> None:
        """After an error on the device, every call to CUDA raises."""
        drive(a100(0), a100(1))
        cuda = Cuda(
            [memory_stats(0, 0), memory_stats(1, 2, num_ooms=1)],
            [UUID(index).removeprefix("GPU-") for index in range(2)],
        )
        watch = Watch(pynvml, torch=Torch(cuda)).sample()
        cuda.failed = True
        facts = watch.sample().sampler.facts()
        assert facts.answers == {"gpu": True, "allocator": False}
        assert [allocator.out_of_memory for allocator in facts.allocators] == [0, 1]
        assert (watch.uuids, watch.times) == ([UUID(1)], [watch.now])

    def test_invalid_allocator_statistics_are_counted(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100())
        nonsense: Any = {"reserved_bytes.all.peak": 1, "allocated_bytes.all.peak": "much"}
        cuda = Cuda([nonsense], [UUID(0).removeprefix("GPU-")])
        watch = Watch(pynvml, torch=Torch(cuda)).sample()
        assert watch.sampler.facts().answers == {"gpu": False, "allocator": False}
        assert watch.failures.errors["sample"] == 1


class TestEnd:
    def test_stop_reads_once_more(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100())
        cuda = Cuda([memory_stats(1, 2)], [UUID(0).removeprefix("GPU-")])
        watch = Watch(pynvml, torch=Torch(cuda))
        watch.sampler._seconds = 60  # noqa: SLF001 - no other round starts
        watch.sampler.start()
        wait_until(lambda: watch.answers, "the first reading")
        cuda.stats[0] = memory_stats(1, 2, num_ooms=1)
        watch.sampler.stop()
        assert [allocator.out_of_memory for allocator in watch.sampler.facts().allocators] == [1]

    def test_stop_ends_the_session(self, drive: Drive, pynvml: ModuleType) -> None:
        drive(a100())
        watch = Watch(pynvml)
        watch.sampler.start()
        wait_until(lambda: watch.answers, "the first reading")
        watch.sampler.stop()
        with pytest.raises(pynvml.NVMLError, match="Uninitialized"):
            pynvml.nvmlDeviceGetCount()

    def test_the_thread_outlives_a_round_that_fails_and_rests_before_the_next(self) -> None:
        times: list[float] = []

        class Broken:
            def devices(self) -> NoReturn:
                times.append(time.monotonic())
                raise OSError("no file descriptor is left")

            def close(self) -> None:
                pass

        source: Any = Broken()
        failures = Failures()
        sampler = GpuSampler(source, "own", 0.1, failures)
        sampler.start()
        wait_until(lambda: len(times) >= 5, "five rounds")
        sampler.stop()
        assert times[4] - times[0] >= 0.4
        assert failures.errors["sample"] >= 5
