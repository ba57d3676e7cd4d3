"""Each GPU's memory and health, as NVML told it last. What a device does not tell is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._gpu.facts import GpuFacts, GpuIdentity

_GAUGES = {
    "memory_total": ("vae_gpu_memory_total_bytes", "Memory of this device, with what the driver keeps for itself."),
    "memory_used": ("vae_gpu_memory_used_bytes", "Memory in use, by all processes; torch's cache counts as used."),
    "memory_free": ("vae_gpu_memory_free_bytes", "Memory in use by nobody."),
    "memory_reserved": ("vae_gpu_memory_reserved_bytes", "Memory that the driver keeps for itself."),
    "process_memory": ("vae_gpu_process_memory_bytes", "Memory in use by this process, as the driver counts it."),
    "memory_temperature": ("vae_gpu_memory_temperature_celsius", "Temperature of the memory (HBM)."),
    "temperature": ("vae_gpu_temperature_celsius", "Temperature of the GPU."),
    "power": ("vae_gpu_power_watts", "Power that the whole board draws."),
    "utilization": ("vae_gpu_utilization_ratio", "Part of the time in which a kernel ran, however small it was."),
    "memory_bandwidth_utilization": (
        "vae_gpu_memory_bandwidth_utilization_ratio",
        "Part of the time in which the memory was read or written.",
    ),
    "remap_pending": (
        "vae_gpu_row_remap_pending",
        "1 if a row of the memory is replaced at the next reset of the GPU.",
    ),
    "remap_failed": ("vae_gpu_row_remap_failed", "1 if a row of the memory could not be replaced."),
}
"""The metric of each figure that a device has one of, by the figure's name in `Health`, and its help text."""


def collect(facts: GpuFacts) -> Iterator[Metric]:
    """Yield what is known of each GPU. Where there is none, nothing."""
    yield from (family for family in _families(facts) if family.samples)


def _families(facts: GpuFacts) -> Iterator[Metric]:
    yield _info(facts)
    yield from _reading(facts)
    for name, (metric, text) in _GAUGES.items():
        yield _of_health(facts, GaugeMetricFamily(metric, text, labels=["gpu"]), name)
    energy = CounterMetricFamily(
        "vae_gpu_energy_joules_total", "Energy used since the driver was loaded.", labels=["gpu"]
    )
    yield _of_health(facts, energy, "energy")
    clock = GaugeMetricFamily("vae_gpu_clock_hertz", "Clock, by what it drives.", labels=["gpu", "clock"])
    throttled = GaugeMetricFamily(
        "vae_gpu_throttled", "1 if this keeps the clocks below their highest.", labels=["gpu", "reason"]
    )
    ecc = CounterMetricFamily(
        "vae_gpu_ecc_errors_total",
        "Memory errors since the driver was loaded or the GPU reset.",
        labels=["gpu", "type"],
    )
    rows = GaugeMetricFamily(
        "vae_gpu_remapped_rows", "Rows of the memory that were replaced, by the errors' type.", labels=["gpu", "type"]
    )
    for family, name in ((clock, "clocks"), (throttled, "throttled"), (ecc, "ecc_errors"), (rows, "remapped_rows")):
        for gpu in facts.gpus:
            for label, value in getattr(gpu.health, name).items():
                family.add_metric([gpu.identity.uuid, label], value)
        yield family
    yield _xid_errors(facts)


def _info(facts: GpuFacts) -> Metric:
    info = GaugeMetricFamily("vae_gpu_info", "Which device it is. A MIG slice bears its GPU's name and address.")
    for gpu in facts.gpus:
        info.add_sample("vae_gpu_info", _labels(gpu.identity), 1)
    return info


def _labels(identity: GpuIdentity) -> dict[str, str]:
    labels = {
        "gpu": identity.uuid,
        "index": str(identity.index),
        "name": identity.name,
        "pci_bus_id": identity.pci_bus_id,
        "driver_version": identity.driver_version,
        "mig_profile": identity.mig_profile,
    }
    return {name: value for name, value in labels.items() if value is not None}


def _reading(facts: GpuFacts) -> Iterator[Metric]:
    sampled = GaugeMetricFamily(
        "vae_gpu_sample_timestamp_seconds",
        "When this device was last read, in Unix time: the other figures are as old.",
        labels=["gpu"],
    )
    lost = GaugeMetricFamily(
        "vae_gpu_lost",
        "1 if the driver cannot reach this device: it fell off the bus, or needs a reset.",
        labels=["gpu"],
    )
    for gpu in facts.gpus:
        if gpu.time is not None:
            sampled.add_metric([gpu.identity.uuid], gpu.time)
        lost.add_metric([gpu.identity.uuid], gpu.is_lost)
    yield from (sampled, lost)


def _of_health(facts: GpuFacts, family: CounterMetricFamily | GaugeMetricFamily, name: str) -> Metric:
    for gpu in facts.gpus:
        value = getattr(gpu.health, name)
        if value is not None:
            family.add_metric([gpu.identity.uuid], value)
    return family


def _xid_errors(facts: GpuFacts) -> Metric:
    family = CounterMetricFamily(
        "vae_gpu_xid_errors_total", "XID errors that the driver told to this process.", labels=["gpu", "xid"]
    )
    for gpu in facts.gpus:
        for xid, count in gpu.xid_errors.items():
            family.add_metric([gpu.identity.uuid, str(xid)], count)
    return family
