"""Replay a past run: feed its steps to the real exporter at the pace of the original training."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError
from vae_exporter.judge.logs.logged_run import read_runs
from vae_exporter.judge.simulation import steps_of
from vae_exporter.training_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rich.console import Console

    from vae_exporter.judge.logs.logged_run import LoggedRun, LogOptions
    from vae_exporter.judge.logs.repair.means import Stretch

USUAL_STEP_SECONDS = 3.0
"""The pace of a run whose log has no timestamps."""

MAX_WAIT_SECONDS = 3600.0
"""The longest wait between two steps. A longer gap is a pause between two sessions."""

_MAX_NAME = 200


def replay_log(  # noqa: PLR0913 - the options of the command
    path: Path, options: LogOptions, console: Console, *, run: str, speed: float, host: str, port: int
) -> None:
    """Serve the run named *run* of the log *path*, by default its first one, until its end or Ctrl-C.

    Raises:
        LogError: The log cannot be read, or has no such run.
        EndpointError: The address cannot be listened on.
    """
    names = []
    for found in read_runs(path, options):
        if run in ("", found.name):
            _serve_until_told(found, console, speed=speed, host=host, port=port)
            return
        names.append(found.name)
        for _ in found.stretches:
            pass
    raise LogError(f"{path} has no run {run!r}; it has {', '.join(names)}")


def tell(
    stretches: Iterable[Stretch],
    observe: Callable[..., object],
    *,
    speed: float,
    sleep: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Call *observe* for each step of *stretches*, *speed* times as fast as in the original training.

    A step that takes too long shortens the waits after it, so that the replay as a whole keeps its pace.
    """
    due = monotonic()
    before: int | None = None
    for stretch in stretches:
        seconds = stretch.seconds or USUAL_STEP_SECONDS
        for step, values, mean_over in steps_of(stretch):
            apart = step - before if before is not None and step > before else 1
            due += min(seconds * apart, MAX_WAIT_SECONDS) / speed
            before = step
            ahead = due - monotonic()
            if ahead > 0:
                sleep(ahead)
            observe(step, **values, mean_over=mean_over)
        if stretch.validation:
            observe(stretch.last, **stretch.validation, split="validation")


def _serve_until_told(run: LoggedRun, console: Console, *, speed: float, host: str, port: int) -> None:
    suffix = time.strftime("-replay-%Y%m%d-%H%M%S")  # a run name must be unique
    name = run.name[: _MAX_NAME - len(suffix)] + suffix
    exporter = TrainingExporter(
        name,
        rank=0,
        loss_weights=run.loss_weights,
        info={"replay_of": run.file[-_MAX_NAME:]},
        start_step=run.start_step,
        host=host,
        port=port,
        gpus=False,
    ).start()
    console.print(
        f"{name}: {exporter.url}/metrics, {speed:g} times the original speed. Ctrl-C stops it.", soft_wrap=True
    )
    try:
        tell(run.stretches, exporter.observe, speed=speed)
        console.print(f"The run ended at step {run.last_step}.")
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        with suppress(KeyboardInterrupt):  # a second Ctrl-C skips the wait for the last scrape
            exporter.close()
