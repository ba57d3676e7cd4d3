"""The training loop of the demo, in a thread. It reports to the exporter as a user's loop would."""

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
"""Steps between two comparisons of reconstructions, and between two probes. Longer trainings need fewer."""


@dataclass(frozen=True)
class Progress:
    """The last step of the training, its losses, and the seconds since the training started."""

    step: int
    seconds: float
    losses: Mapping[str, float]
    learning_rate: float


class Trainer(threading.Thread):
    """Runs *training* until `stop`, reports each step to *exporter*, and waits *rest_seconds* after it."""

    def __init__(self, training: Training, exporter: TrainingExporter, *, rest_seconds: float = 0.0) -> None:
        super().__init__(name="trainer", daemon=True)
        self.training = training
        self.progress: Progress | None = None
        self.error: BaseException | None = None
        self._exporter = exporter
        self._rest_seconds = rest_seconds
        self._stopping = threading.Event()

    def run(self) -> None:
        """Train until `stop`, or until a step raises, which sets `error`."""
        torch.set_num_threads(1)  # leaves the other core to the servers
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
        except Exception as error:  # noqa: BLE001 - the thread that watches this one raises it
            self.error = error

    def stop(self) -> None:
        """Stop after the current step, and wait for it to end."""
        self._stopping.set()
        self.join()
