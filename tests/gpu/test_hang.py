"""GPU metrics while a call to the driver hangs."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from stand_in_cuda import Cuda, Torch, memory_stats
from watched_gpus import UUID, Watch

from vae_exporter._gpu.sampler import OVERDUE_SECONDS
from vae_exporter.simulated_gpu import a100

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from vae_exporter.simulated_gpu import SimulatedDriver

    Drive = Callable[..., SimulatedDriver]


class TestHang:
    """A call that hangs until the driver answers again."""

    @pytest.fixture
    def started(self, drive: Drive, pynvml: ModuleType) -> Iterator[tuple[SimulatedDriver, Watch]]:
        driver = drive(a100(0), a100(1))
        watch = Watch(pynvml)
        yield driver, watch
        for key in ("init", "gpu.0.power", "gpu.1.power"):
            driver.answer(key, "ok" if key == "init" else 1)
        watch.sampler.stop()
        thread = watch.sampler._thread  # noqa: SLF001 - nothing else shows that it ended
        assert thread
        thread.join(30)
        assert not thread.is_alive()

    @staticmethod
    def calls(driver: SimulatedDriver) -> list[str]:
        log = driver.file.with_name("calls")
        return log.read_text().split() if log.exists() else []

    def hang(self, driver: SimulatedDriver, key: str, function: str) -> None:
        """Make *function* hang at *key*, and wait until it does."""
        driver.answer("calls", driver.file.with_name("calls"))
        driver.answer(key, "hang")
        wait_until(lambda: self.calls(driver)[-1:] == [function], f"a hanging {function}")

    def test_the_previous_reading_stays_and_the_collector_fails(self, started: tuple[SimulatedDriver, Watch]) -> None:
        driver, watch = started
        watch.sampler.start()
        wait_until(lambda: watch.answers, "the first reading")
        self.hang(driver, "gpu.1.power", "nvmlDeviceGetPowerUsage")
        before = watch.sampler.facts()
        watch.now += OVERDUE_SECONDS + 1
        after = watch.sampler.facts()
        assert after == replace(before, answers={"gpu": False, "allocator": False})
        assert len(after.gpus) == 2

    def test_the_sampler_recovers_when_the_driver_answers(self, started: tuple[SimulatedDriver, Watch]) -> None:
        driver, watch = started
        watch.sampler.start()
        self.hang(driver, "gpu.0.power", "nvmlDeviceGetPowerUsage")
        watch.now += OVERDUE_SECONDS + 1
        assert not watch.answers
        driver.answer("gpu.0.power", 5000)
        wait_until(lambda: watch.answers, "a reading after the hang")
        assert watch.sampler.facts().gpus[0].health.power == 5.0

    def test_a_hang_blocks_one_call_in_one_thread(self, started: tuple[SimulatedDriver, Watch]) -> None:
        driver, watch = started
        before = threading.active_count()
        watch.sampler.start()
        self.hang(driver, "gpu.0.power", "nvmlDeviceGetPowerUsage")
        calls = self.calls(driver)
        for _ in range(1000):
            watch.now += 1
            watch.sampler.facts()
        assert self.calls(driver) == calls
        assert threading.active_count() == before + 1

    def test_torch_is_not_called_before_the_driver_answers(self, drive: Drive, pynvml: ModuleType) -> None:
        """torch would hold the GIL while the training hangs in the allocator."""
        driver = drive(a100())
        cuda = Cuda([memory_stats(1, 2)], [UUID(0).removeprefix("GPU-")])
        watch = Watch(pynvml, torch=Torch(cuda)).sample()
        cuda.stats[0] = memory_stats(3, 4)
        driver.answer("calls", driver.file.with_name("calls"))
        driver.answer("gpu.0.memory.total", "hang")
        hanging = threading.Thread(target=watch.sampler.sample, daemon=True)
        hanging.start()
        wait_until(lambda: "nvmlDeviceGetMemoryInfo" in "".join(self.calls(driver)), "a hanging call")
        asked = [allocator.bytes["allocated", "current"] for allocator in watch.sampler.facts().allocators]
        driver.answer("gpu.0.memory.total", 80 * 2**30)
        hanging.join(30)
        assert asked == [1]
        assert [allocator.bytes["allocated", "current"] for allocator in watch.sampler.facts().allocators] == [3]

    def test_the_end_of_a_run_does_not_wait_for_a_hanging_call(
        self, started: tuple[SimulatedDriver, Watch], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        driver, watch = started
        watch.sampler.start()
        self.hang(driver, "gpu.0.power", "nvmlDeviceGetPowerUsage")
        monkeypatch.setattr("vae_exporter._gpu.sampler.LAST_ROUND_SECONDS", 1e6)  # the wait without a hang
        watch.now += 1e6 + 1
        end = threading.Thread(target=watch.sampler.stop, daemon=True)
        end.start()
        wait_until(lambda: not end.is_alive(), "the end of the run")
        assert self.calls(driver)[-1] == "nvmlDeviceGetPowerUsage"

    def test_a_hang_in_the_first_call(self, started: tuple[SimulatedDriver, Watch]) -> None:
        driver, watch = started
        driver.answer("calls", driver.file.with_name("calls"))
        driver.answer("init", "hang")
        watch.sampler.start()
        wait_until(lambda: self.calls(driver) == ["nvmlInitWithFlags"], "the first call")
        assert (watch.uuids, watch.answers) == ([], False)
        driver.answer("init", "ok")
        wait_until(lambda: watch.answers, "a reading after the hang")
