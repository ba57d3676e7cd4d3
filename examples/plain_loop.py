"""A plain training loop with regular validation.

Wrap the loop in a `with` block, and call `observe` once per step. `observe_reconstruction` compares the outputs with
the inputs from time to time, and detects blur that the losses do not show. `paused` keeps a long validation from
counting as a stall. Validation losses are exported separately.

    pip install '/path/to/vae-exporter[demo]'    # for the model and the clips
    python examples/plain_loop.py
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.nn.utils import clip_grad_norm_

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, Losses, vae_losses
from vae_exporter.demo.model import CausalVideoVae

VALIDATE_EVERY = 50


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* optimizer steps."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    clips = MovingShapes(generator, batch_size=2, frames=3, size=16)
    held_out = clips.batch()
    model = CausalVideoVae(channels=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def reconstruct(inputs: torch.Tensor) -> tuple[torch.Tensor, Losses]:
        posterior = model.encode(inputs)
        outputs = model.decode(posterior.sample(generator))
        return outputs, vae_losses(inputs, outputs, posterior)

    for step in range(steps):
        inputs = clips.batch()
        outputs, losses = reconstruct(inputs)
        optimizer.zero_grad()
        losses.total.backward()
        gradient_norm = clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

        exporter.observe(
            step,
            nll=losses.nll,
            rec=losses.rec,
            perception=losses.perception,
            kl=losses.kl,
            total=losses.total,
            learning_rate=optimizer.param_groups[0]["lr"],
            gradient_norm=gradient_norm,
        )
        exporter.observe_reconstruction(step, inputs, outputs)

        if (step + 1) % VALIDATE_EVERY == 0:
            with exporter.paused("validation"), torch.no_grad():
                _, validation = reconstruct(held_out)
                exporter.observe(step, split="validation", nll=validation.nll, rec=validation.rec)
                exporter.observe_probe(
                    step, nll=validation.nll
                )  # a fixed clip shows whether the data or the model got worse


def main() -> None:
    """Train inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    run = time.strftime("plain-loop-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
