"""A VAE with a discriminator: two optimizers, and an adversarial loss that starts late.

Each step updates the autoencoder and then the discriminator. Call `observe` for each with the same step, and the
exporter counts one step. `discriminator_factor` reports when the adversarial loss starts to count.

    pip install '/path/to/vae-exporter[demo]'    # for the model and the clips
    python examples/gan.py
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor, nn

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae

DISCRIMINATOR_START = 60  # steps; before that, the outputs are too poor to train against
DISCRIMINATOR_WEIGHT = 0.1


class Discriminator(nn.Sequential):
    """Scores patches of clips, ``(B, 3, T, H, W)``. A score above 0 means real."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__(
            nn.Conv3d(3, channels, kernel_size=3, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv3d(channels, 1, kernel_size=3, padding=1),
        )


def hinge(real: Tensor, generated: Tensor) -> Tensor:
    """Return the hinge loss of the discriminator, given its scores for *real* and *generated* clips."""
    return 0.5 * ((1 - real).relu().mean() + (1 + generated).relu().mean())


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* steps of both optimizers."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    clips = MovingShapes(generator, batch_size=2, frames=3, size=16)
    model, discriminator = CausalVideoVae(channels=8), Discriminator()
    model_optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-3)

    for step in range(steps):
        factor = 1.0 if step >= DISCRIMINATOR_START else 0.0
        inputs = clips.batch()

        posterior = model.encode(inputs)
        outputs = model.decode(posterior.sample(generator))
        losses = vae_losses(inputs, outputs, posterior)
        generator_loss = -discriminator(outputs).mean()
        total = losses.total + factor * DISCRIMINATOR_WEIGHT * generator_loss
        model_optimizer.zero_grad()
        total.backward()
        model_optimizer.step()
        exporter.observe(
            step,
            nll=losses.nll,
            rec=losses.rec,
            perception=losses.perception,
            kl=losses.kl,
            generator=generator_loss,
            total=total,
            learning_rate=model_optimizer.param_groups[0]["lr"],
            discriminator_factor=factor,
        )

        discriminator_loss = hinge(discriminator(inputs), discriminator(outputs.detach()))
        discriminator_optimizer.zero_grad()
        (factor * discriminator_loss).backward()
        discriminator_optimizer.step()
        exporter.observe(step, discriminator=discriminator_loss)


def main() -> None:
    """Train inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    run = time.strftime("gan-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
