"""The training loop of the demo, in a thread: what a user's own loop would do, with one line for the exporter."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter import TrainingExporter
    from vae_exporter.demo.training import Training

_LOOK_EVERY = 20
"""Steps between two looks at the reconstructions and the probe. A training need not look so often: a demo is short."""


@dataclass(frozen=True)
class Progress:
    """How far the training is: the last step and its losses, and the time since the first, in seconds."""

    step: int
    seconds: float
    losses: Mapping[str, float]
    learning_rate: float


class Trainer(threading.Thread):
    """Trains *training* until `stop`, and tells *exporter* of every step, after which it rests for *rest_seconds*."""

    def __init__(self, training: Training, exporter: TrainingExporter, *, rest_seconds: float = 0.0) -> None:
        super().__init__(name="trainer", daemon=True)
        self.training = training
        self.progress: Progress | None = None
        self.error: BaseException | None = None
        self._exporter = exporter
        self._rest_seconds = rest_seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Train, step by step."""
        torch.set_num_threads(1)  # the servers need the other core
        began = time.monotonic()
        step = 0
        try:
            while not self._stopping.is_set():
                result = self.training.step()
                losses = {name: loss.item() for name, loss in vars(result.losses).items()}
                self._exporter.observe(
                    step, **vars(result.losses), learning_rate=result.learning_rate, gradient_norm=result.gradient_norm
                )
                self._exporter.observe_reconstruction(step, result.inputs, result.outputs, every=_LOOK_EVERY)
                if step % _LOOK_EVERY == 0:
                    self._exporter.observe_probe(step, **vars(self.training.probe()))
                self.progress = Progress(step, time.monotonic() - began, losses, result.learning_rate)
                step += 1
                if self._rest_seconds:
                    self._stopping.wait(self._rest_seconds)
        except Exception as error:  # noqa: BLE001 - told by the thread that waits for the page
            self.error = error

    def stop(self) -> None:
        """End the training after the step under way."""
        self._stopping.set()
        self.join()
