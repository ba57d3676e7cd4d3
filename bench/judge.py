"""Measure how long `vae-exporter judge` takes for a log, and beside it its imports alone and promtool alone."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import random
import statistics
import subprocess
import sys
import tempfile
import time
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

from vae_exporter.judge import engine
from vae_exporter.judge.command import HEALTHY, judge_logs
from vae_exporter.judge.engine import run_promtool
from vae_exporter.judge.logs.logged_run import LogOptions
from vae_exporter.judge.output import output_console

if TYPE_CHECKING:
    from collections.abc import Mapping

JUDGE = [sys.executable, "-m", "vae_exporter.cli", "judge"]

IMPORTS = [sys.executable, "-c", "import vae_exporter.cli, vae_exporter.judge.command, vae_exporter.judge.output"]

ROUNDS = 5

SEED = 0


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=2_000, help="lines of the log (default: %(default)s)")
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "train.csv")
        write_log(log, lines)
        rows = {
            "judge": [seconds([*JUDGE, str(log)]) for _ in range(ROUNDS)],
            "imports alone": [seconds(IMPORTS) for _ in range(ROUNDS)],
            "promtool alone": [promtool_seconds(log) for _ in range(ROUNDS)],
        }
    print(f"| a log of {lines:,} lines, median of {ROUNDS} | s |\n| --- | --- |")
    for what, measured in rows.items():
        print(f"| {what} | {statistics.median(measured):.1f} |")


def write_log(log: Path, lines: int) -> None:
    """Write a log of a healthy run, one step a line."""
    noise = random.Random(SEED)  # noqa: S311 - not for security
    with log.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "nll", "rec", "perception", "kl", "total"])
        for step in range(lines):
            nll = (0.16 + 0.5 * exp(-step / 300)) * noise.lognormvariate(0, 0.05)
            writer.writerow([step, nll, nll / 20, nll / 2, 1000 * noise.lognormvariate(0, 0.05), nll + 0.1])


def seconds(command: list[str]) -> float:
    """Return how long *command* takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    return time.perf_counter() - began


def promtool_seconds(log: Path) -> float:
    """Return how long promtool takes to judge *log*."""
    durations: list[float] = []

    def timed(test: Mapping[str, object]) -> str:
        began = time.perf_counter()
        output = run_promtool(test)
        durations.append(time.perf_counter() - began)
        return output

    with mock.patch.object(engine, "run_promtool", timed), contextlib.redirect_stdout(io.StringIO()):
        exit_code = judge_logs([log], LogOptions(), output_console(), as_text=True, explain=False)
    if exit_code != HEALTHY:
        raise SystemExit(f"judge ended with the exit code {exit_code}")
    return sum(durations)


if __name__ == "__main__":
    main()
