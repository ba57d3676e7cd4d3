"""Measures how long a scrape takes while the process trains."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.gpu.exporters import local_exporter
from vae_exporter.doctor.gpu.training import DeviceTraining, in_background, values_of
from vae_exporter.doctor.metrics import scrape_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

CHECK = "scrape time"

MOST_SECONDS = 1.0
"""The longest accepted scrape. Prometheus gives up after 10 s by default."""

SCRAPES = 200


def check(device: torch.device) -> Iterator[Finding]:
    """Yield the time and the size of scrapes during a training on *device*."""
    yield from measure(DeviceTraining(device), SCRAPES)


def measure(training: DeviceTraining, scrapes: int) -> Iterator[Finding]:
    """Scrape *scrapes* times, one after the other, while *training* runs and is observed."""
    steps = itertools.count()
    with (
        local_exporter() as exporter,
        in_background(lambda: exporter.observe(next(steps), **values_of(training.step()))),
    ):
        url = str(exporter.url)
        wait_for(url, "a step", lambda found: (found.value("vae_step") or 0) > 0)
        durations, size = [], 0
        for _ in range(scrapes):
            before = time.perf_counter()
            size = len(scrape_text(url))
            durations.append(time.perf_counter() - before)
    median, p99, longest = statistics.median(durations), statistics.quantiles(durations, n=100)[98], max(durations)
    figure = f"median {median * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, longest {longest * 1e3:.1f} ms"
    what = f"{scrapes} scrapes of {size / 1024:.0f} KiB while training"
    yield Finding(CHECK, what, figure, f"at most {MOST_SECONDS:.0f} s", passed=longest <= MOST_SECONDS)
