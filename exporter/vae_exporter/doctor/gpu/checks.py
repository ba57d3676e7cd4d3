"""Runs the checks that need a CUDA device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu import (
    allocator,
    driver_values,
    full_queue,
    machine,
    out_of_memory,
    scrape_time,
    step_cost,
    synchronization,
    uuids,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = {
    "synchronization": synchronization.check,
    "full queue": full_queue.check,
    "step cost": step_cost.check,
    "scrape time": scrape_time.check,
    "allocator": allocator.check,
    "driver values": driver_values.check,
    "UUIDs": uuids.check,
    "out of memory": out_of_memory.check,
}
"""The checks, by the name that the table shows. Each gets a CUDA device and yields findings."""


def check_gpu() -> Iterator[Finding]:
    """Run all checks on the first CUDA device, and yield their findings. A check that raises has failed.

    Raises:
        DoctorError: If this process has no CUDA device.
    """
    device = machine.first_device()
    yield from machine.describe(device)
    for name, check in CHECKS.items():
        try:
            yield from check(device)
        except Exception as error:  # noqa: BLE001 - the other checks still run
            yield Finding(name, "run the check", f"{type(error).__name__}: {error}", "no error", passed=False)
