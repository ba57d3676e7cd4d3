"""A LightningModule that logs its losses. The exporter is one callback.

pip install '/path/to/vae-exporter[demo,integrations]'
python examples/integrations/lightning_vae.py
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae
from vae_exporter.integrations.lightning import VaeExporterCallback


class Vae(LightningModule):
    """The VAE of the demo."""

    def __init__(self) -> None:
        super().__init__()
        self.model = CausalVideoVae(channels=8)
        self.noise = torch.Generator().manual_seed(0)

    def training_step(self, batch: torch.Tensor, _batch_idx: int) -> torch.Tensor:
        """Return the total loss of *batch*, and log all losses."""
        posterior = self.model.encode(batch)
        losses = vae_losses(batch, self.model.decode(posterior.sample(self.noise)), posterior)
        self.log_dict(
            {
                "nll_loss": losses.nll,
                "rec_loss": losses.rec,
                "p_loss": losses.perception,
                "kl_loss": losses.kl,
                "vae_loss": losses.total,
            }
        )
        return losses.total

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=2e-3)


def main() -> None:
    """Train with the callback."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    arguments = parser.parse_args()

    shapes = MovingShapes(torch.Generator().manual_seed(0), batch_size=2, frames=3, size=16)
    batches: Any = [shapes.batch() for _ in range(arguments.steps)]
    clips: Any = torch.utils.data.DataLoader(batches, batch_size=None)
    run = time.strftime("lightning-%Y%m%d-%H%M%S")
    callback = VaeExporterCallback(run, loss_weights=LOSS_WEIGHTS, port=arguments.port)
    Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, callbacks=[callback]).fit(
        Vae(), clips
    )


if __name__ == "__main__":
    main()
