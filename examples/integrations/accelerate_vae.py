"""A loop with Accelerate. The exporter is a tracker, which gets what the loop logs.

pip install '/path/to/vae-exporter[demo,integrations]'
accelerate launch examples/integrations/accelerate_vae.py
"""

from __future__ import annotations

import argparse
import time

import torch
from accelerate import Accelerator

from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae
from vae_exporter.integrations.accelerate import VaeExporterTracker


def main() -> None:
    """Train with the tracker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    run = time.strftime("accelerate-%Y%m%d-%H%M%S")
    tracker = VaeExporterTracker(run, loss_weights=LOSS_WEIGHTS, port=arguments.port)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    accelerator.init_trackers(run)

    clips = MovingShapes(torch.Generator().manual_seed(0), batch_size=2, frames=3, size=16)
    model = CausalVideoVae(channels=8)
    model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters(), lr=2e-3))
    for step in range(arguments.steps):
        inputs = clips.batch()
        posterior = model.encode(inputs)
        losses = vae_losses(inputs, model.decode(posterior.sample(clips.generator)), posterior)
        optimizer.zero_grad()
        accelerator.backward(losses.total)
        optimizer.step()
        log = {
            "nll_loss": losses.nll,
            "rec_loss": losses.rec,
            "p_loss": losses.perception,
            "kl_loss": losses.kl,
            "vae_loss": losses.total,
            "lr": 2e-3,
        }
        accelerator.log(log, step=step)
    accelerator.end_training()


if __name__ == "__main__":
    main()
