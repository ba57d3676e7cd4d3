"""torch's caching allocator, as it was read last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._gpu.facts import GpuFacts


def collect(facts: GpuFacts) -> Iterator[Metric]:
    """Yield what torch holds of each GPU's memory, and how often it ran short. Without CUDA, nothing."""
    held = GaugeMetricFamily(
        "vae_cuda_allocator_bytes",
        "Memory that torch's allocator counts, by kind; the peak is since the process began or reset it.",
        labels=["gpu", "kind", "stat"],
    )
    retries = CounterMetricFamily(
        "vae_cuda_allocator_retries_total",
        "Allocations that failed at first, so that the allocator gave back its cache and tried again.",
        labels=["gpu"],
    )
    out_of_memory = CounterMetricFamily(
        "vae_cuda_allocator_out_of_memory_total", "Allocations that failed: out-of-memory errors.", labels=["gpu"]
    )
    segments = GaugeMetricFamily(
        "vae_cuda_allocator_segments", "Pieces of memory that the allocator holds from CUDA.", labels=["gpu"]
    )
    for allocator in facts.allocators:
        for (kind, stat), value in allocator.bytes.items():
            held.add_metric([allocator.uuid, kind, stat], value)
        counts = (
            (retries, allocator.retries),
            (out_of_memory, allocator.out_of_memory),
            (segments, allocator.segments),
        )
        for family, count in counts:
            if count is not None:
                family.add_metric([allocator.uuid], count)
    yield from (family for family in (held, retries, out_of_memory, segments) if family.samples)
