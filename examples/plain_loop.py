"""A plain training loop, with a validation now and then.

The exporter is the `with` around the loop, and one `observe` a step. Beside it, `observe_reconstruction` looks at the
pictures now and then: they tell sharp from blurred where the losses look fine. The validation is a pause: it takes as
long as it takes and is no stall. Its losses stay apart from the training's.

    pip install '/path/to/vae-exporter[demo]'    # the model and the clips are the demo's
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
                exporter.observe_probe(step, nll=validation.nll)  # a fixed clip tells hard data from a worse model


def main() -> None:
    """Train, with the exporter around it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="of the metrics; 0: any free one")
    arguments = parser.parse_args()

    run = time.strftime("plain-loop-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
