"""Compares the allocator metrics with `torch.cuda.memory_stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.metrics import next_reading, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vae_exporter.doctor.metrics import Scrape

CHECK = "allocator"

_NAME = "vae_cuda_allocator_bytes"

_BYTES = {
    ("allocated", "current"): "allocated_bytes.all.current",
    ("allocated", "peak"): "allocated_bytes.all.peak",
    ("reserved", "current"): "reserved_bytes.all.current",
    ("reserved", "peak"): "reserved_bytes.all.peak",
    ("active", "current"): "active_bytes.all.current",
    ("active", "peak"): "active_bytes.all.peak",
    ("inactive_split", "current"): "inactive_split_bytes.all.current",
    ("inactive_split", "peak"): "inactive_split_bytes.all.peak",
    ("requested", "current"): "requested_bytes.all.current",
    ("requested", "peak"): "requested_bytes.all.peak",
}

_COUNTS = {
    "vae_cuda_allocator_retries_total": "num_alloc_retries",
    "vae_cuda_allocator_out_of_memory_total": "num_ooms",
    "vae_cuda_allocator_segments": "segment.all.current",
}


def check(device: torch.device) -> Iterator[Finding]:
    """Yield a comparison of each figure, after allocations that leave holes in the memory of *device*."""
    blocks = [torch.empty(2**20 * (1 + index % 7) + 3, dtype=torch.uint8, device=device) for index in range(64)]
    del blocks[::3]
    torch.cuda.synchronize(device)
    with local_exporter() as exporter:
        url = str(exporter.url)
        # The devices are in torch's order, and *device* is its first.
        uuid = wait_for(url, "the allocator", lambda found: bool(found.of(_NAME))).of(_NAME)[0].labels["gpu"]
        yield from compare(next_reading(url, uuid), uuid, torch.cuda.memory_stats(device))


def compare(found: Scrape, uuid: str, stats: Mapping[str, int]) -> Iterator[Finding]:
    """Compare the allocator of the device *uuid* in *found* with torch's *stats*."""
    for (kind, stat), key in _BYTES.items():
        value = found.value(_NAME, gpu=uuid, kind=kind, stat=stat)
        yield _finding(f"{_NAME} {kind} {stat}", value, stats[key])
    for name, key in _COUNTS.items():
        yield _finding(name, found.value(name, gpu=uuid), stats[key])


def _finding(what: str, value: float | None, expected: int) -> Finding:
    figure = "absent" if value is None else f"{value:.0f}"
    return Finding(CHECK, what, figure, f"{expected} in torch", passed=value == expected)
