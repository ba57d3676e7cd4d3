"""Gradient accumulation with automatic mixed precision.

Each optimizer step has several small batches. Call `observe` for each batch with the same step: the exporter averages
them. It copies each loss, so you can divide the loss in place afterwards. After the gradient scaler has updated, report
for the same step whether it was skipped. The scaler skips the first few steps until it finds its scale.

    pip install '/path/to/vae-exporter[demo]'    # for the model and the clips
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

DEVICE = "cpu"  # runs anywhere; the calls to the exporter are the same with "cuda"
BATCHES_A_STEP = 4
INITIAL_SCALE = 2.0**20  # 16 times the default, so that even a short run skips some steps


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
    """Train inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    run = time.strftime("accumulation-amp-%Y%m%d-%H%M%S")
    with TrainingExporter(run, loss_weights=LOSS_WEIGHTS, port=arguments.port) as exporter:
        print(f"metrics: {exporter.url}/metrics")
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
