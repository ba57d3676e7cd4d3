"""Checks that `observe` returns while the device is busy for seconds with kernels that were queued before it."""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING

import torch

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.vocabulary import PROBED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.training_exporter import TrainingExporter

CHECK = "full queue"

OBSERVATIONS = 100

QUEUE_SECONDS = 2.0
"""How long the queued kernels take, about."""

MOST_KERNELS = 400
"""The most queued kernels. CUDA makes the host wait for room in a queue of about 1,000."""

_SIZE = 16_384


def check(device: torch.device) -> Iterator[Finding]:
    """Yield how long `observe` takes while the queue is full, and whether the queue outlasted the calls."""
    values = dict(zip(PROBED, torch.rand(len(PROBED), device=device).unbind(), strict=True))
    with local_exporter() as exporter:
        for step in range(OBSERVATIONS):
            exporter.observe(step, **values)
        torch.cuda.synchronize(device)
        yield from _observe_behind_queue(exporter, values, device)


def _observe_behind_queue(
    exporter: TrainingExporter, values: dict[str, torch.Tensor], device: torch.device
) -> Iterator[Finding]:
    queued = _Queue(device)
    began = time.perf_counter()
    queued.fill()
    durations = []
    for step in range(OBSERVATIONS, 2 * OBSERVATIONS):
        before = time.perf_counter()
        exporter.observe(step, **values)
        durations.append((time.perf_counter() - before) * 1e6)
    is_pending = not queued.is_done()
    torch.cuda.synchronize(device)
    seconds = time.perf_counter() - began
    what = f"{OBSERVATIONS} calls of observe behind {queued.kernels} kernels that take {seconds:.1f} s"
    figure = f"median {statistics.median(durations):.0f} µs, longest {max(durations):.0f} µs"
    yield Finding(CHECK, what, figure, f"far less than {seconds:.1f} s", passed=max(durations) < seconds * 1e5)
    still = "still running" if is_pending else "finished"
    yield Finding(CHECK, "the kernels after the last call", still, "still running", passed=is_pending)


class _Queue:
    """Matrix products on *device* that take about `QUEUE_SECONDS` together."""

    def __init__(self, device: torch.device) -> None:
        self._factor = torch.rand((_SIZE, _SIZE), device=device, dtype=torch.float16)
        self._product = torch.empty_like(self._factor)
        self._multiply()
        torch.cuda.synchronize(device)
        began = time.perf_counter()
        self._multiply()
        torch.cuda.synchronize(device)
        self.kernels = min(math.ceil(QUEUE_SECONDS / (time.perf_counter() - began)), MOST_KERNELS)
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def fill(self) -> None:
        for _ in range(self.kernels):
            self._multiply()
        self._done.record()

    def is_done(self) -> bool:
        return bool(self._done.query())  # type: ignore[no-untyped-call]

    def _multiply(self) -> None:
        torch.mm(self._factor, self._factor, out=self._product)
