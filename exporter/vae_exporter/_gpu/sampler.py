"""The thread that reads the GPUs every few seconds and keeps the results for the scrapes."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae_exporter._gpu.allocator import cuda_devices
from vae_exporter._gpu.facts import GpuFacts
from vae_exporter._gpu.nvml.source import NvmlSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vae_exporter._gpu.allocator import CudaDevice
    from vae_exporter._gpu.facts import GpuIdentity, GpuReading
    from vae_exporter._gpu.source import GpuSource
    from vae_exporter._process.failures import Failures

OVERDUE_SECONDS = 10.0
"""The duration after which a round counts as hanging."""

LAST_ROUND_SECONDS = 1.0
"""How long `GpuSampler.stop` waits for a last round, which usually takes milliseconds."""


class GpuSampler:
    """Reads the memory and the health of GPUs in its own thread. No other code calls the driver.

    A call that hangs blocks only this thread. The previous reading stays available, with its time.

    Args:
        source: The driver.
        choice: ``"own"`` for the devices that this process uses, ``"all"`` for those of the machine.
        seconds: The interval between rounds, in seconds.
        failures: Counts and logs what goes wrong.
        torch: The module ``torch``. The default is the module that the program has imported.
        monotonic: Returns the monotonic time in seconds.
    """

    def __init__(  # noqa: PLR0913 - what a test stands in for
        self,
        source: GpuSource,
        choice: str,
        seconds: float,
        failures: Failures,
        *,
        torch: Any = None,  # noqa: ANN401 - a module
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._choice = choice
        self._seconds = seconds
        self._failures = failures
        self._source = source
        self._torch = torch
        self._monotonic = monotonic
        self._facts = GpuFacts()
        self._own: list[str] = []  # the UUIDs of the devices that this process uses
        self._round_began: float | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which reads at once and then at the interval."""
        self._thread = threading.Thread(target=self._run, name="vae-gpu", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Read once more, and end the thread. Does not wait if the driver hangs."""
        self._stopping.set()
        began = self._round_began
        hangs = began is not None and self._monotonic() - began > LAST_ROUND_SECONDS
        if self._thread and not hangs:
            self._thread.join(LAST_ROUND_SECONDS)

    def facts(self) -> GpuFacts:
        """Return the last readings. Never calls the driver."""
        facts, began = self._facts, self._round_began
        if began is None or self._monotonic() - began <= OVERDUE_SECONDS:
            return facts
        self._failures.tell("gpu", "the GPU driver does not respond, and the GPU metrics are stale until it does")
        return replace(facts, answers=dict.fromkeys(facts.answers, False))

    def sample(self) -> None:
        """Read everything once. Never raises."""
        self._round_began = self._monotonic()
        try:
            self._round()
        except Exception as error:  # noqa: BLE001 - the thread continues whatever the driver and torch return
            self._failures.caught("sample", "reading the GPUs", error)
            self._facts = replace(self._facts, answers=dict.fromkeys(self._facts.answers, False))
        finally:
            self._round_began = None

    def _round(self) -> None:
        # Ask the driver before torch. torch keeps the GIL while it waits for the allocator's lock, which training that
        # hangs in cudaMalloc holds. If the driver hangs, this thread must hang in the driver, without the GIL.
        devices = self._source.devices()
        self._source.wait_for_driver(self._chosen(devices or ()))
        cuda = self._cuda_devices()
        if cuda is not None:  # otherwise keep the last reading: CUDA does not recover from an error
            names = self._names(cuda)
            named = [(names[device.ordinal], device) for device in cuda if device.ordinal in names]
            self._own = [name for name, device in named if device.is_used] or list(names.values())
            self._facts = replace(self._facts, allocators=tuple(device.reading(name) for name, device in named))
        self._answer("allocator", answers=cuda is not None)
        if devices is None:
            self._answer("gpu", answers=False)
        else:
            self._read(devices)

    def _run(self) -> None:
        self.sample()
        while not self._stopping.wait(self._seconds):
            self.sample()
        self.sample()
        self._source.close()

    def _cuda_devices(self) -> list[CudaDevice] | None:
        try:
            return cuda_devices(self._torch or sys.modules.get("torch"))
        except Exception as error:  # noqa: BLE001 - after an error on the device, every call to it raises
            self._failures.caught("sample", "reading torch's allocator", error)
            return None

    def _names(self, cuda: Sequence[CudaDevice]) -> dict[int, str]:
        """Return the UUIDs of torch's devices, by ordinal."""
        if not cuda:
            return dict(enumerate(self._source.visible()))
        names: dict[int, str] = {}
        for device in cuda:
            name = self._source.name_of(device.ordinal, device.uuid)
            if name is not None and name not in names.values():  # Prometheus rejects a scrape with duplicate series
                names[device.ordinal] = name
        return names

    def _chosen(self, devices: Sequence[GpuIdentity]) -> list[str]:
        known = [device.uuid for device in devices]
        return known if self._choice == "all" else [uuid for uuid in self._own if uuid in known]

    def _read(self, devices: Sequence[GpuIdentity]) -> None:
        """Read the chosen *devices*, and publish each as soon as it is read, because the next one may hang."""
        chosen = self._chosen(devices)
        lost = _on_lost_gpus(self._facts.gpus, devices)
        readings = {
            reading.identity.uuid: replace(reading, is_lost=reading.is_lost or reading.identity.uuid in lost)
            for reading in self._facts.gpus
            if reading.identity.uuid in lost.union(chosen)
        }
        answers = self._source.count_errors(chosen) and not lost
        for uuid in chosen:
            reading, is_complete = self._source.read(uuid, readings.get(uuid))
            answers = answers and is_complete
            if reading is not None:
                readings[uuid] = reading
            self._facts = replace(self._facts, gpus=tuple(readings.values()))
        self._facts = replace(self._facts, gpus=tuple(readings.values()))
        self._answer("gpu", answers=answers)
        self._source.settle(is_missed=bool(lost))

    def _answer(self, collector: str, *, answers: bool) -> None:
        self._facts = replace(self._facts, answers={**self._facts.answers, collector: answers})


def _on_lost_gpus(readings: Sequence[GpuReading], devices: Sequence[GpuIdentity]) -> set[str]:
    """Return the UUIDs of those whose GPU the driver no longer lists. A missing slice alone may have been removed."""
    buses = {device.pci_bus_id for device in devices}
    return {reading.identity.uuid for reading in readings if reading.identity.pci_bus_id not in buses}


def gpu_sampler(choice: str | None, seconds: float, failures: Failures) -> GpuSampler | None:
    """Return the sampler of this process, or None without a *choice*."""
    return GpuSampler(NvmlSource(failures), choice, seconds, failures) if choice else None
