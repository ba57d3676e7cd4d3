"""Measures how much longer a training step takes with the exporter."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.gpu.training import DeviceTraining, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from vae_exporter.training_exporter import TrainingExporter

CHECK = "step cost"

MOST_RATIO = 1.05
"""The largest accepted ratio. The blocks of one machine differ by a few percent."""

ROUNDS = 8
STEPS = 40


def check(device: torch.device) -> Iterator[Finding]:
    """Yield the time of a step with and without the exporter, their ratio, and the time of `observe` in the host."""
    training = DeviceTraining(device)
    yield from compare(training, rounds=ROUNDS, steps=STEPS)


def compare(training: DeviceTraining, *, rounds: int, steps: int) -> Iterator[Finding]:
    """Run *rounds* blocks of *steps* steps without the exporter, and as many with it in between."""
    _block(training, steps, None)  # warms up
    without, observed, calls = [], [], []
    for _ in range(rounds):
        without.append(_block(training, steps, None)[0])
        exporter = local_exporter(gpu_sample_seconds=1)
        with exporter:
            seconds, durations = _block(training, steps, exporter)
        observed.append(seconds)
        calls += durations
    base, cost = statistics.median(without), statistics.median(observed)
    yield Finding(CHECK, "step without the exporter, median", f"{base * 1e3:.3f} ms")
    yield Finding(CHECK, "step with the exporter, median", f"{cost * 1e3:.3f} ms")
    ratio = cost / base
    yield Finding(CHECK, "ratio", f"{ratio:.4f}", f"at most {MOST_RATIO}", passed=ratio <= MOST_RATIO)
    p99 = statistics.quantiles(calls, n=100)[98]
    figure = f"median {statistics.median(calls) * 1e6:.0f} µs, p99 {p99 * 1e6:.0f} µs"
    yield Finding(CHECK, "observe with 5 CUDA tensors, time in the host", figure)


def _block(training: DeviceTraining, steps: int, exporter: TrainingExporter | None) -> tuple[float, list[float]]:
    """Return the seconds of each step on average, and those of each call of `observe`."""
    calls = []
    training.synchronize()
    began = time.perf_counter()
    for step in range(steps):
        losses = training.step()
        if exporter:
            before = time.perf_counter()
            exporter.observe(step, **values_of(losses))
            calls.append(time.perf_counter() - before)
    training.synchronize()
    return (time.perf_counter() - began) / steps, calls
