"""Measure the cost of `observe` per training step, compared with TensorBoard's `add_scalar`, and of a scrape.

Both get the same tensors. Without TensorBoard, the comparison is skipped.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import torch

from vae_exporter import TrainingExporter
from vae_exporter.vocabulary import COMPONENTS, GAUGES, PROBED

WARM_UP_STEPS = 500
"""Steps before the timed ones. They fill every window."""

SCRAPES = 200

AS_PROMETHEUS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "Accept-Encoding": "gzip"}
"""The headers of Prometheus: format and compression are part of the cost."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000, help="steps to time (default: %(default)s)")
    observed, added = time_steps(parser.parse_args().steps)
    scrapes = time_scrapes()

    print(f"{'microseconds':<36}{'median':>10}{'mean':>10}{'p99':>10}")
    print(row(f"observe, {len(PROBED)} tensors", observed))
    if added:
        print(row(f"add_scalar, {len(PROBED)} calls", added))
    print(row("scrape, all windows of all losses", scrapes))
    if added:
        print(
            f"ratio of the medians, observe / add_scalar: {statistics.median(observed) / statistics.median(added):.3f}"
        )
    else:
        print("To compare with add_scalar, install TensorBoard: .venv/bin/python -m pip install tensorboard")


def time_steps(steps: int) -> tuple[list[float], list[float]]:
    """Return the microseconds per step of one `observe`, and of one `add_scalar` for each loss.

    The second list is empty if TensorBoard is not installed.
    """
    given = [dict(zip(PROBED, torch.rand(len(PROBED)).unbind(), strict=True)) for _ in range(WARM_UP_STEPS + steps)]
    observed, added = [], []
    exporter = TrainingExporter("bench")
    for step, losses in enumerate(given):
        began = time.perf_counter()
        exporter.observe(step, **losses)
        observed.append((time.perf_counter() - began) * 1e6)
    # In a second loop, because TensorBoard writes in a background thread, which would slow down observe.
    with tempfile.TemporaryDirectory() as folder:
        writer = summary_writer(folder)
        for step, losses in enumerate(given if writer else ()):
            began = time.perf_counter()
            for name, loss in losses.items():
                writer.add_scalar(name, loss, step)
            added.append((time.perf_counter() - began) * 1e6)
        if writer:
            writer.close()
    return observed[WARM_UP_STEPS:], added[WARM_UP_STEPS:]


def summary_writer(folder: str) -> Any:  # noqa: ANN401 - a type of an optional package
    """Return a TensorBoard writer for *folder*, or None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - raises if TensorBoard is not installed
    except ModuleNotFoundError:
        return None
    return SummaryWriter(folder)


def time_scrapes() -> list[float]:
    """Scrape a run that exports every loss and gauge as Prometheus does, and return the microseconds of each scrape."""
    durations = []
    with TrainingExporter("bench", port=0, linger_seconds=0) as exporter:
        for step in range(WARM_UP_STEPS):
            values: dict[str, Any] = dict.fromkeys((*COMPONENTS, *GAUGES), 0.1 + 1 / (step + 1))
            exporter.observe(step, **values)
        for _ in range(SCRAPES):
            began = time.perf_counter()
            connection = HTTPConnection(urlsplit(str(exporter.url)).netloc, timeout=30)
            connection.request("GET", "/metrics", headers=AS_PROMETHEUS)
            connection.getresponse().read()
            connection.close()
            durations.append((time.perf_counter() - began) * 1e6)
    return durations


def row(what: str, durations: list[float]) -> str:
    """Return a line of the table."""
    p99 = statistics.quantiles(durations, n=100)[98]
    return f"{what:<36}{statistics.median(durations):>10.1f}{statistics.mean(durations):>10.1f}{p99:>10.1f}"


if __name__ == "__main__":
    main()
