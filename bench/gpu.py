"""Measure the cost of GPU metrics: a scrape, a scrape while the driver hangs, and the sampling thread.

Uses the simulated driver, which needs a C compiler. The time that a real driver takes adds to that of the thread, not
to that of a scrape.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support.scrapes import time_scrapes

from vae_exporter import TrainingExporter
from vae_exporter._gpu.nvml.source import NvmlSource
from vae_exporter._gpu.sampler import GpuSampler
from vae_exporter._process.failures import Failures
from vae_exporter.simulated_gpu import SimulatedDriver, a100, simulated_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

GPUS = 8

STEPS = 600
"""They fill every window: a scrape then has all its values."""

ROUNDS = 200

SCRAPERS = 4
"""Threads of this process, so they share the GIL with the threads of the server."""

SAMPLE_SECONDS = 5.0
"""The default interval of the exporter, for which the thread's share of a core is computed."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=1000, help="scrapes to time (default: %(default)s)")
    scrapes = parser.parse_args().scrapes
    with tempfile.TemporaryDirectory() as folder, simulated_gpu(Path(folder), "simulated") as driver:
        SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
        print(f"{'milliseconds':<44}{'median':>10}{'p99':>10}{'max':>10}")
        with exporter(None) as url:
            print(row("scrape without GPUs", time_scrapes(url, scrapes)))
        with exporter() as url:
            print(row(f"scrape with {GPUS} GPUs", time_scrapes(url, scrapes)))
        for scrapers in (1, SCRAPERS):
            what = f"scrape while the driver hangs, {scrapers} in parallel"
            print(row(what, hanging(driver, scrapes, scrapers)))
        SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
        rounds, share = time_rounds()
        print(row(f"thread: one sample of {GPUS} GPUs, CPU time", rounds))
        print(f"thread: {share:.3%} of a core at an interval of {SAMPLE_SECONDS:.0f} s")


@contextmanager
def exporter(gpus: str | None = "all") -> Iterator[str]:
    """Yield the URL of an exporter that has observed `STEPS` steps and sampled its GPUs."""
    with TrainingExporter("bench", port=0, linger_seconds=0, gpus=gpus, gpu_sample_seconds=0.1) as running:
        for step in range(STEPS):
            running.observe(step, nll=0.2, rec=0.01, perception=0.1, kl=1000.0, total=0.3)
        time.sleep(1)
        yield str(running.url)


def hanging(driver: SimulatedDriver, scrapes: int, scrapers: int) -> list[float]:
    """Return the milliseconds of each scrape by *scrapers* parallel threads, while a call to the driver hangs."""
    working = SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
    with exporter() as url:
        working.answer("gpu.3.power", "hang")
        time.sleep(1)
        durations: list[float] = []
        threads = [
            threading.Thread(target=lambda: durations.extend(time_scrapes(url, scrapes // scrapers)))
            for _ in range(scrapers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return durations


def time_rounds() -> tuple[list[float], float]:
    """Return the CPU time of each sample in milliseconds, and the share of a core that sampling takes."""
    failures = Failures()
    sampler = GpuSampler(NvmlSource(failures), "all", SAMPLE_SECONDS, failures)
    sampler.sample()  # opens the NVML session
    durations = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        sampler.sample()
        durations.append((time.thread_time() - began) * 1e3)
    return durations, statistics.mean(durations) / 1e3 / SAMPLE_SECONDS


def row(what: str, durations: list[float]) -> str:
    """Return a line of the table."""
    p99 = statistics.quantiles(durations, n=100)[98]
    return f"{what:<44}{statistics.median(durations):>10.2f}{p99:>10.2f}{max(durations):>10.2f}"


if __name__ == "__main__":
    main()
