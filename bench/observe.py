"""Compare the cost of a training step under `observe` with other loggers, and of a scrape with one written by hand.

All loggers get five CPU tensors a step in one process, one logger after the other, so that the threads of one do not
slow down the next. Without a logger's package, its row is left out; `make bench` installs all of them.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import prometheus_client
import torch
from support.scrapes import time_scrapes

from vae_exporter import TrainingExporter
from vae_exporter._record.harvest import BATCH
from vae_exporter.simulated_gpu import SimulatedDriver, a100, simulated_gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    Log: TypeAlias = Callable[[int, Mapping[str, torch.Tensor]], object]
    Logger: TypeAlias = Callable[[Path], AbstractContextManager[tuple[Log, str | None]]]

STEPS = BATCH
"""The steps of a block, which are timed in a row: the exporter records once in as many."""

WARM_UP_BLOCKS = 5
"""Blocks before the timed ones. Their steps fill every window."""

SCRAPES = 20

GPUS = 8

LOSSES = ("nll", "rec", "perception", "kl", "total")


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    blocks_help = f"blocks of {STEPS} steps to time (default: %(default)s)"
    parser.add_argument("--blocks", type=int, default=20, help=blocks_help)
    blocks = parser.parse_args().blocks
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}\n")
    print("| what | median of a step, us | to torch.stack | mean, us | to torch.stack | slowest, us | a scrape, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for what, (package, logger) in LOGGERS.items():
        if importlib.util.find_spec(package) is None:
            print(f"{what}: not installed")
            continue
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, logger(Path(folder)) as (log, url):
            timed = [time_block(log, number) for number in range(WARM_UP_BLOCKS + blocks)][WARM_UP_BLOCKS:]
            scrapes = [time_scrapes(url, SCRAPES) for _ in range(10)] if url else []
        row = [what]
        fastest = min((logged for _, logged in timed), key=statistics.mean)
        for average in (statistics.median, statistics.mean):
            ratio = statistics.median(average(logged) / average(stacked) for stacked, logged in timed)
            row += [f"{average(fastest):.1f}", f"{ratio:.1f}"]
        row += [f"{max(fastest):.0f}", f"{min(map(statistics.median, scrapes)):.1f}" if scrapes else ""]
        print(f"| {' | '.join(row)} |", flush=True)


def time_block(log: Log, number: int) -> tuple[list[float], list[float]]:
    """Return the microseconds of each step of the block *number*: under torch.stack, and under *log*.

    What slows down one of them slows down the other. Each has losses of its own: reading a tensor a second time is
    faster.
    """
    steps = range(number * STEPS, (number + 1) * STEPS)
    stacked = [time_step(torch_stack, step, new_losses()) for step in steps]
    return stacked, [time_step(log, step, new_losses()) for step in steps]


def new_losses() -> dict[str, torch.Tensor]:
    """Return five new losses on the CPU, without gradients."""
    return dict(zip(LOSSES, torch.rand(len(LOSSES)).unbind(), strict=True))


def time_step(log: Log, step: int, losses: Mapping[str, torch.Tensor]) -> float:
    """Return the microseconds that *log* takes for the *losses* of *step*."""
    began = time.perf_counter()
    log(step, losses)
    return (time.perf_counter() - began) * 1e6


def torch_stack(_step: int, losses: Mapping[str, torch.Tensor]) -> None:
    """Copy the losses into one tensor and nothing else: the least that a logger on a GPU does in a step."""
    torch.stack(list(losses.values()))


def processor() -> str:
    """Return the model of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


@contextmanager
def vae_exporter(_folder: Path) -> Iterator[tuple[Log, str | None]]:
    """Observe with the exporter of this repository."""
    with TrainingExporter("bench", port=0, linger_seconds=0, gpus=False) as exporter:
        yield lambda step, losses: exporter.observe(step, **losses), exporter.url


@contextmanager
def vae_exporter_with_gpus(folder: Path) -> Iterator[tuple[Log, str | None]]:
    """Observe likewise, while a thread reads simulated GPUs."""
    with ExitStack() as stack:
        driver = stack.enter_context(simulated_gpu(folder, "simulated"))
        SimulatedDriver(driver.file, [a100(index) for index in range(GPUS)])
        exporter = stack.enter_context(TrainingExporter("bench", port=0, linger_seconds=0, gpus="all"))
        yield lambda step, losses: exporter.observe(step, **losses), exporter.url


@contextmanager
def gauges_by_hand(_folder: Path) -> Iterator[tuple[Log, str]]:
    """Set one gauge of prometheus-client for each loss. It exports the last value, and no window of steps."""
    registry = prometheus_client.CollectorRegistry()
    gauge = prometheus_client.Gauge("loss", "The last loss.", ["component"], registry=registry)
    children = {name: gauge.labels(name) for name in LOSSES}
    step_gauge = prometheus_client.Gauge("step", "The last step.", registry=registry)

    def log(step: int, losses: Mapping[str, torch.Tensor]) -> None:
        step_gauge.set(step)
        for name, loss in losses.items():
            children[name].set(loss.item())

    server, thread = prometheus_client.start_http_server(0, addr="127.0.0.1", registry=registry)
    yield log, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@contextmanager
def tensorboard(folder: Path) -> Iterator[tuple[Log, None]]:
    """Add one scalar for each loss. A thread writes them."""
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an optional package

    with SummaryWriter(str(folder)) as writer:
        yield lambda step, losses: [writer.add_scalar(name, loss, step) for name, loss in losses.items()], None


@contextmanager
def wandb_offline(folder: Path) -> Iterator[tuple[Log, None]]:
    """Log each step to a run that is not synchronized. A second process writes it."""
    wandb: Any = importlib.import_module("wandb")
    run = wandb.init(project="bench", mode="offline", dir=folder, settings=wandb.Settings(silent=True))
    yield lambda step, losses: run.log(dict(losses), step=step), None
    run.finish()


@contextmanager
def mlflow_files(folder: Path) -> Iterator[tuple[Log, None]]:
    """Log the metrics of each step to files."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    mlflow: Any = importlib.import_module("mlflow")
    mlflow.set_tracking_uri((folder / "mlruns").as_uri())  # a folder that exists is taken for a store

    def log(step: int, losses: Mapping[str, torch.Tensor]) -> None:
        mlflow.log_metrics({name: loss.item() for name, loss in losses.items()}, step=step)

    with mlflow.start_run():
        yield log, None


@contextmanager
def trackio_local(folder: Path) -> Iterator[tuple[Log, None]]:
    """Log each step to a local database. A thread writes it."""
    os.environ["TRACKIO_DIR"] = str(folder)
    trackio: Any = importlib.import_module("trackio")
    trackio.init(project="bench", embed=False)
    yield lambda step, losses: trackio.log({name: loss.item() for name, loss in losses.items()}, step=step), None
    trackio.finish()


LOGGERS: dict[str, tuple[str, Logger]] = {
    "vae-exporter, no GPU": ("vae_exporter", vae_exporter),
    f"vae-exporter, {GPUS} simulated GPUs": ("vae_exporter", vae_exporter_with_gpus),
    "prometheus-client by hand, last values only": ("prometheus_client", gauges_by_hand),
    "TensorBoard SummaryWriter": ("tensorboard", tensorboard),
    "W&B, offline": ("wandb", wandb_offline),
    "MLflow, file store": ("mlflow", mlflow_files),
    "Trackio, local": ("trackio", trackio_local),
}
"""The package that each logger needs, and how it is set up. It yields what logs a step, and the URL of its metrics."""


if __name__ == "__main__":
    main()
