"""What reading the GPUs costs: a scrape from the cache, a scrape while the driver hangs, and the thread that reads.

The driver is the simulated one (it needs a C compiler): what a real driver takes for its own work comes on top, in the
thread alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vae_exporter import TrainingExporter
from vae_exporter._gpu.nvml.source import NvmlSource
from vae_exporter._gpu.sampler import GpuSampler
from vae_exporter._process.failures import Failures
from vae_exporter.simulated_gpu import SimulatedDriver, a100, simulated_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

GPUS = 8

ROUNDS = 200

SCRAPERS = 4
"""All in this process, whose Python runs one of them and of the server's threads at a time."""

SAMPLE_SECONDS = 5.0
"""How often the exporter reads by default: the thread's share of a core is reckoned for this."""

AS_PROMETHEUS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "Accept-Encoding": "gzip"}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=1000, help="scrapes to time (default: %(default)s)")
    scrapes = parser.parse_args().scrapes
    with tempfile.TemporaryDirectory() as folder, simulated_gpu(Path(folder), "simulated") as driver:
        SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
        print(f"{'milliseconds':<44}{'median':>10}{'p99':>10}{'most':>10}")
        with exporter() as url:
            cached = time_scrapes(url, scrapes)
        with exporter(None) as url:
            print(row("scrape without GPUs", time_scrapes(url, scrapes)))
        print(row(f"scrape, {GPUS} GPUs from the cache", cached))
        for scrapers in (1, SCRAPERS):
            what = f"scrape while the driver hangs, {scrapers} at once"
            print(row(what, hanging(driver, scrapes, scrapers)))
        SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
        rounds, share = time_rounds()
        print(row(f"thread: one reading of {GPUS} GPUs, CPU time", rounds))
        print(f"thread: {share:.3%} of a core at {SAMPLE_SECONDS:.0f} s")


@contextmanager
def exporter(gpus: str | None = "all") -> Iterator[str]:
    """Yield the address of an exporter that has read its GPUs."""
    with TrainingExporter("bench", port=0, linger_seconds=0, gpus=gpus, gpu_sample_seconds=0.1) as running:
        time.sleep(1)
        yield str(running.url)


def hanging(driver: SimulatedDriver, scrapes: int, scrapers: int) -> list[float]:
    """Return the milliseconds of each scrape, by so many *scrapers* at once, while a call to the driver hangs."""
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


def time_scrapes(url: str, scrapes: int) -> list[float]:
    """Return the milliseconds of each scrape, as Prometheus does it."""
    durations = []
    for _ in range(scrapes):
        began = time.perf_counter()
        connection = HTTPConnection(urlsplit(url).netloc)
        connection.request("GET", "/metrics", headers=AS_PROMETHEUS)
        connection.getresponse().read()
        connection.close()
        durations.append((time.perf_counter() - began) * 1e3)
    return durations


def time_rounds() -> tuple[list[float], float]:
    """Return the milliseconds of CPU time of each reading, and the part of a core that this takes."""
    failures = Failures()
    sampler = GpuSampler(NvmlSource(failures), "all", SAMPLE_SECONDS, failures)
    sampler.sample()  # begins the session
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
