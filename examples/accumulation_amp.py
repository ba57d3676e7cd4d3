"""Gradient accumulation with automatic mixed precision.

An optimizer step is made of several small batches. Each is observed at that step, and the exporter averages them. It
copies a loss when it is given, so the loss may be divided in place afterwards. Once the gradient scaler has spoken, the
same step is told whether it was skipped. The scaler skips the first few while it looks for its scale.

    pip install '/path/to/vae-exporter[demo]'    # the model and the clips are the demo's
    python examples/accumulation_amp.py
"""

from __future__ import annotations

import argparse
import time

import torch
from torch.nn.utils import clip_grad_norm_

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae

DEVICE = "cpu"  # so that it runs anywhere; nothing about the exporter changes with "cuda"
BATCHES_A_STEP = 4
INITIAL_SCALE = 2.0**20  # 16 times the default: so a short run, too, skips some steps


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* optimizer steps."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    clips = MovingShapes(generator, batch_size=2, frames=3, size=16)
    model = CausalVideoVae(channels=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scaler = torch.amp.GradScaler(DEVICE, init_scale=INITIAL_SCALE)

    for step in range(steps):
        optimizer.zero_grad()
        for _ in range(BATCHES_A_STEP):
            inputs = clips.batch()
            with torch.autocast(DEVICE, dtype=torch.float16):
                posterior = model.encode(inputs)
                outputs = model.decode(posterior.sample(generator))
                losses = vae_losses(inputs, outputs, posterior)
            loss = losses.total
            exporter.observe(
                step, nll=losses.nll, rec=losses.rec, perception=losses.perception, kl=losses.kl, total=loss
            )
            loss /= BATCHES_A_STEP
            scaler.scale(loss).backward()

        scaler.unscale_(optimizer)
        gradient_norm = clip_grad_norm_(model.parameters(), 1.0)
        scale = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()

        exporter.observe(
            step,
            learning_rate=optimizer.param_groups[0]["lr"],
            gradient_norm=gradient_norm,
            loss_scale=scale,
            skipped=scaler.get_scale() < scale,
        )


def main() -> None:
    """Train, with the exporter around it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--port", type=int, default=9645, help="of the metrics; 0: any free one")
    arguments = parser.parse_args()

    run = time.strftime("accumulation-amp-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
