"""All metrics of a run, each bearing its run and rank."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from vae_exporter._serve.collectors import allocator, exporter, loss, nvml, probe, progress, reconstruction, run, window

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
    "probe": probe.collect,
    "reconstruction": reconstruction.collect,
    "exporter": exporter.collect,
}
"""Each collector by its name, which is its file's and its label value's."""

GPU_COLLECTORS: dict[str, CollectGpus] = {"nvml": nvml.collect, "allocator": allocator.collect}
"""Likewise, those of what the GPU sampler has read."""


class RunCollector(Collector):
    """Collects all that is known of a run. A collector that fails is counted, and the others still serve."""

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
            metric.samples = [sample._replace(labels={**labels, **sample.labels}) for sample in metric.samples]
            yield metric

    def _collect(self) -> Iterator[Metric]:
        success = GaugeMetricFamily(
            "vae_exporter_collector_success",
            "1 if this collector answered the last scrape; nvml and allocator: if they answered their last reading.",
            labels=["collector"],
        )
        duration = GaugeMetricFamily(
            "vae_exporter_collector_duration_seconds", "How long this collector took.", labels=["collector"]
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
    """Return a registry of its own for one run: nothing else of the process gets into it.

    *gpu_facts* returns what was last read of the GPUs. None: nothing is published of any.
    """
    registry = CollectorRegistry()
    registry.register(RunCollector(settings, recorder, gpu_facts=gpu_facts))
    return registry
