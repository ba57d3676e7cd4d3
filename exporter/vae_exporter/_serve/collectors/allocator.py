"""The metrics of PyTorch's caching allocator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._gpu.facts import GpuFacts


def collect(facts: GpuFacts) -> Iterator[Metric]:
    """Yield the memory that PyTorch holds on each GPU, and its failed allocations. Yields nothing without CUDA."""
    held = GaugeMetricFamily(
        "vae_cuda_allocator_bytes",
        "Memory of PyTorch's allocator in bytes, by kind. The peak is since the process started or reset it.",
        labels=["gpu", "kind", "stat"],
    )
    retries = CounterMetricFamily(
        "vae_cuda_allocator_retries_total",
        "Allocations that PyTorch retried after it had freed its cache.",
        labels=["gpu"],
    )
    out_of_memory = CounterMetricFamily(
        "vae_cuda_allocator_out_of_memory_total", "Out-of-memory errors of PyTorch's allocator.", labels=["gpu"]
    )
    segments = GaugeMetricFamily(
        "vae_cuda_allocator_segments", "Memory segments that PyTorch's allocator holds.", labels=["gpu"]
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
