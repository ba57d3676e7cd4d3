"""Collects all metrics of a run, and adds the labels run and rank to each."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vae_exporter._serve.collectors import (
    allocator,
    baseline,
    exporter,
    gpu,
    loss,
    probe,
    progress,
    reconstruction,
    run,
    user_gauge,
    validation,
    window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from vae_exporter._gpu.facts import GpuFacts
    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts
    from vae_exporter._record.recorder import Recorder

    Collect = Callable[[RunSettings, RunFacts], Iterable[Metric]]
    CollectGpus = Callable[[GpuFacts], Iterable[Metric]]

COLLECTORS: dict[str, Collect] = {
    "run": run.collect,
    "progress": progress.collect,
    "loss": loss.collect,
    "window": window.collect,
    "validation": validation.collect,
    "probe": probe.collect,
    "baseline": baseline.collect,
    "reconstruction": reconstruction.collect,
    "user_gauge": user_gauge.collect,
    "exporter": exporter.collect,
}
"""The collectors by name, which is also their file's name and the value of the label *collector*."""

GPU_COLLECTORS: dict[str, CollectGpus] = {"gpu": gpu.collect, "allocator": allocator.collect}
"""The collectors of the values that the GPU sampler has read, likewise."""


class RunCollector(Collector):
    """Collects all metrics of a run. If one collector fails, its failure is counted and the others are still served."""

    def __init__(
        self,
        settings: RunSettings,
        recorder: Recorder,
        collectors: Mapping[str, Collect] = COLLECTORS,
        *,
        gpu_facts: Callable[[], GpuFacts] | None = None,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._collectors = collectors
        self._gpu_facts = gpu_facts

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, with the labels *run* and *rank* added to each sample."""
        labels = {"run": self._settings.run, "rank": str(self._settings.rank)}
        for metric in self._collect():
            for sample in metric.samples:
                sample.labels.update(labels)
            yield metric

    def _collect(self) -> Iterator[Metric]:
        success = GaugeMetricFamily(
            "vae_exporter_collector_success",
            "1 if this collector succeeded in the last scrape. For gpu and allocator, also in their last reading.",
            labels=["collector"],
        )
        duration = GaugeMetricFamily(
            "vae_exporter_collector_duration_seconds", "Duration of this collector in seconds.", labels=["collector"]
        )
        facts = self._recorder.facts()
        collectors: dict[str, Callable[[], Iterable[Metric]]] = {
            name: partial(collect, self._settings, facts) for name, collect in self._collectors.items()
        }
        answers: Mapping[str, bool] = {}
        if self._gpu_facts is not None:
            gpu_facts = self._gpu_facts()
            answers = gpu_facts.answers
            collectors |= {name: partial(collect, gpu_facts) for name, collect in GPU_COLLECTORS.items()}
        for name, collect in collectors.items():
            began = time.perf_counter()
            try:
                metrics = list(collect())
            except Exception as error:  # noqa: BLE001 - one collector's failure must not hide the others
                self._recorder.failures.caught("collect", f"the collector {name!r}", error)
                metrics = []
                success.add_metric([name], 0)
            else:
                success.add_metric([name], answers.get(name, True))
            duration.add_metric([name], time.perf_counter() - began)
            yield from metrics
        yield from (success, duration)


def run_registry(
    settings: RunSettings, recorder: Recorder, gpu_facts: Callable[[], GpuFacts] | None = None
) -> CollectorRegistry:
    """Return a new registry with the metrics of one run and nothing else of the process.

    *gpu_facts* returns the last reading of the GPUs. None means that no GPU metrics are exported.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(settings, recorder, gpu_facts=gpu_facts))
    return registry
