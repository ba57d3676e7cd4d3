"""Measure the cost of `observe_reconstruction` when no comparison is due and when frames are compared.

A training step of the demo is measured for comparison. On a GPU, this measures the host time of each call, and
synchronizes the device between calls.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch

from vae_exporter import TrainingExporter
from vae_exporter.demo.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

CLIPS = (2, 3, 17, 512, 512)
"""Large enough that the exporter compares its largest sample."""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="calls to time (default: %(default)s)")
    steps = parser.parse_args().steps
    torch.set_num_threads(1)

    training = Training()
    result = training.step()
    demo = result.inputs.to(DEVICE), result.outputs.to(DEVICE)
    clips = torch.rand(CLIPS, device=DEVICE)
    largest = clips, clips / 2
    exporter = TrainingExporter("bench", gpus=False)
    exporter.observe_reconstruction(0, *demo)  # the first comparison, as a warm-up

    print(f"{'microseconds, frames on ' + DEVICE:<52}{'median':>10}{'mean':>10}")
    row("nothing due", steps, lambda _: exporter.observe_reconstruction(0, *largest))
    row("clips of the demo", steps, lambda call: exporter.observe_reconstruction(1 + call, *demo, every=1))
    row(str(CLIPS), steps, lambda call: exporter.observe_reconstruction(1 + steps + call, *largest, every=1))
    row("training step of the demo, one core", min(steps, 50), lambda _: training.step())
    if DEVICE == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        exporter.observe_reconstruction(3 * steps, *largest, every=1)
        print(f"peak memory: {(torch.cuda.max_memory_allocated() - before) / 2**20:.1f} MiB")


def row(what: str, calls: int, call: Callable[[int], object]) -> None:
    """Time *calls* calls of *call*, which gets their number, and print a row of the table."""
    durations = []
    for number in range(calls):
        began = time.perf_counter()
        call(number)
        durations.append((time.perf_counter() - began) * 1e6)
        if DEVICE == "cuda":
            torch.cuda.synchronize()
    print(f"{what:<52}{statistics.median(durations):>10.1f}{statistics.mean(durations):>10.1f}")


if __name__ == "__main__":
    main()
