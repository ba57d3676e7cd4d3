"""The metrics of each GPU's memory and health. Values that a device does not report are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._gpu.facts import GpuFacts, GpuIdentity

_GAUGES = {
    "memory_total": (
        "vae_gpu_memory_total_bytes",
        "Total memory in bytes, including the memory that the driver reserves.",
    ),
    "memory_used": ("vae_gpu_memory_used_bytes", "Memory in bytes used by all processes, including PyTorch's cache."),
    "memory_free": ("vae_gpu_memory_free_bytes", "Free memory in bytes."),
    "memory_reserved": ("vae_gpu_memory_reserved_bytes", "Memory in bytes that the driver reserves."),
    "process_memory": (
        "vae_gpu_process_memory_bytes",
        "Memory in bytes used by this process, as the driver reports it.",
    ),
    "memory_temperature": ("vae_gpu_memory_temperature_celsius", "Temperature of the memory (HBM) in degrees Celsius."),
    "temperature": ("vae_gpu_temperature_celsius", "Temperature of the GPU in degrees Celsius."),
    "power": ("vae_gpu_power_watts", "Power draw of the board in watts."),
    "utilization": ("vae_gpu_utilization_ratio", "Fraction of the time in which at least one kernel ran."),
    "memory_bandwidth_utilization": (
        "vae_gpu_memory_bandwidth_utilization_ratio",
        "Fraction of the time in which memory was read or written.",
    ),
    "remap_pending": (
        "vae_gpu_row_remap_pending",
        "1 if a memory row will be remapped at the next GPU reset.",
    ),
    "remap_failed": ("vae_gpu_row_remap_failed", "1 if the remapping of a memory row failed."),
}
"""The metric and HELP text of each field of `Health` that is a single value."""


def collect(facts: GpuFacts) -> Iterator[Metric]:
    """Yield the metrics of each GPU. Yields nothing without a GPU."""
    yield from (family for family in _families(facts) if family.samples)


def _families(facts: GpuFacts) -> Iterator[Metric]:
    yield _info(facts)
    yield from _reading(facts)
    for name, (metric, text) in _GAUGES.items():
        yield _of_health(facts, GaugeMetricFamily(metric, text, labels=["gpu"]), name)
    energy = CounterMetricFamily(
        "vae_gpu_energy_joules_total", "Energy in joules used since the driver was loaded.", labels=["gpu"]
    )
    yield _of_health(facts, energy, "energy")
    clock = GaugeMetricFamily(
        "vae_gpu_clock_hertz", "Clock frequency in hertz, by clock domain.", labels=["gpu", "clock"]
    )
    throttled = GaugeMetricFamily(
        "vae_gpu_throttled", "1 if this reason holds the clocks below their maximum.", labels=["gpu", "reason"]
    )
    ecc = CounterMetricFamily(
        "vae_gpu_ecc_errors_total",
        "ECC memory errors since the driver was loaded or the GPU was reset.",
        labels=["gpu", "type"],
    )
    rows = GaugeMetricFamily(
        "vae_gpu_remapped_rows", "Memory rows that were remapped, by type of error.", labels=["gpu", "type"]
    )
    for family, name in ((clock, "clocks"), (throttled, "throttled"), (ecc, "ecc_errors"), (rows, "remapped_rows")):
        for gpu in facts.gpus:
            for label, value in getattr(gpu.health, name).items():
                family.add_metric([gpu.identity.uuid, label], value)
        yield family
    yield _xid_errors(facts)


def _info(facts: GpuFacts) -> Metric:
    info = GaugeMetricFamily(
        "vae_gpu_info", "The identity of the device. A MIG slice has the name and the PCI address of its GPU."
    )
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
        "Unix time at which the metrics of this device were last read.",
        labels=["gpu"],
    )
    lost = GaugeMetricFamily(
        "vae_gpu_lost",
        "1 if the driver cannot reach this device: it fell off the bus or needs a reset.",
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
        "vae_gpu_xid_errors_total", "XID errors that the driver reported to this process.", labels=["gpu", "xid"]
    )
    for gpu in facts.gpus:
        for xid, count in gpu.xid_errors.items():
            family.add_metric([gpu.identity.uuid, str(xid)], count)
    return family
