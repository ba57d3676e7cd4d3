"""The demo's training without servers, for a Prometheus that is already running."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter import TrainingExporter
from vae_exporter.demo.losses import LOSS_WEIGHTS
from vae_exporter.demo.trainer import Trainer
from vae_exporter.demo.training import DIVERGING_LEARNING_RATE, Training
from vae_exporter.errors import EndpointError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Course:
    """How the training goes.

    It pauses *rest_seconds* after each step and diverges from step *diverge_at*, or never if that is None.
    """

    rest_seconds: float
    diverge_at: int | None
    seed: int


def train_alone(  # noqa: PLR0913 - the settings of an exporter
    run: str, course: Course, *, host: str, port: int, targets_dir: Path | None, say: Callable[[str], None]
) -> None:
    """Train as *run* until a signal stops the process, and serve the metrics on *host*:*port*.

    Raises:
        EndpointError: the exporter cannot listen on that address.
    """
    with ExitStack() as stack:
        exporter = stack.enter_context(
            TrainingExporter(
                run,
                loss_weights=LOSS_WEIGHTS,
                info={"model": "demo causal 3-D VAE", "seed": course.seed},
                host=host,
                port=port,
                targets_dir=targets_dir,
                gpus=False,  # the demo trains on the CPU
            )
        )
        if exporter.url is None:
            raise EndpointError(f"cannot listen on {host}:{port}, so nothing would see this training")
        say(f"Training run {run}. Its metrics are at {exporter.url}/metrics.")
        trainer = Trainer(Training(seed=course.seed), exporter, rest_seconds=course.rest_seconds)
        stack.callback(trainer.stop)
        trainer.start()
        while trainer.is_alive():
            step = trainer.progress.step if trainer.progress else 0
            diverges = trainer.training.learning_rate == DIVERGING_LEARNING_RATE
            if course.diverge_at is not None and step >= course.diverge_at and not diverges:
                trainer.training.learning_rate = DIVERGING_LEARNING_RATE
                say(f"Raised the learning rate to {DIVERGING_LEARNING_RATE:g} at step {step}. The run now diverges.")
            time.sleep(_LOOK_SECONDS)
    if trainer.error:
        raise trainer.error
