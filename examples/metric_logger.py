"""A loop in the style of DeiT and MAE, which logs with a MetricLogger. The exporter needs one additional line.

The loop already has a dictionary of the values that it logs. `observe_log` accepts it and recognizes the names. The
step keeps counting across epochs.

    pip install '/path/to/vae-exporter[demo]'    # for the model and the clips
    python examples/metric_logger.py
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict, deque
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEPS_AN_EPOCH = 50
PRINT_EVERY = 25


class MetricLogger:
    """Prints the mean of the last 20 values of each metric."""

    def __init__(self) -> None:
        self.meters: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=20))

    def update(self, **values: float) -> None:
        """Add the values of one step."""
        for name, value in values.items():
            self.meters[name].append(value)

    def log_every(self, steps: Sequence[int], header: str) -> Iterator[int]:
        """Yield *steps*, and print the means every `PRINT_EVERY` steps."""
        for number, step in enumerate(steps, start=1):
            yield step
            if number % PRINT_EVERY == 0:
                means = "  ".join(f"{name}: {fmean(meter):.4g}" for name, meter in self.meters.items())
                print(f"{header} [{number}/{len(steps)}]  {means}")


def train_one_epoch(  # noqa: PLR0913, PLR0917 - the usual signature in such loops
    model: CausalVideoVae,
    clips: MovingShapes,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    steps: Sequence[int],
    exporter: TrainingExporter,
) -> None:
    """Train for the *steps* of *epoch*."""
    metric_logger = MetricLogger()
    for step in metric_logger.log_every(steps, header=f"Epoch: [{epoch}]"):
        inputs = clips.batch()
        posterior = model.encode(inputs)
        losses = vae_losses(inputs, model.decode(posterior.sample(clips.generator)), posterior)

        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()

        log = {
            "vae_loss": losses.total.item(),
            "nll_loss": losses.nll.item(),
            "rec_loss": losses.rec.item(),
            "p_loss": losses.perception.item(),
            "kl_loss": losses.kl.item(),
            "lr": optimizer.param_groups[0]["lr"],
        }
        metric_logger.update(**log)
        exporter.observe_log(step, log)


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* optimizer steps, in epochs."""
    torch.manual_seed(0)
    clips = MovingShapes(torch.Generator().manual_seed(0), batch_size=2, frames=3, size=16)
    model = CausalVideoVae(channels=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch, first in enumerate(range(0, steps, STEPS_AN_EPOCH)):
        steps_of_epoch = range(first, min(first + STEPS_AN_EPOCH, steps))
        train_one_epoch(model, clips, optimizer, epoch, steps_of_epoch, exporter)


def main() -> None:
    """Train inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    run = time.strftime("metric-logger-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
