"""Compares every metric that is read with NVML with nvidia-smi, while the GPU is busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vae_exporter.doctor.gpu.driver_comparison import compare
from vae_exporter.doctor.gpu.machine import uuid_of
from vae_exporter.doctor.gpu.training import DeviceTraining, in_background

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from vae_exporter.doctor.finding import Finding

STEADY_SECONDS = 3.0
"""How long the GPU is busy before the first reading. The driver averages power and utilization over a second."""


def check(device: torch.device) -> Iterator[Finding]:
    """Yield a comparison of each metric while a training keeps *device* busy."""
    training = DeviceTraining(device)

    def step() -> None:
        training.step()
        training.synchronize()  # without it, the host would run far ahead of the device

    with in_background(step):
        time.sleep(STEADY_SECONDS)
        yield from compare(uuid_of(device))
