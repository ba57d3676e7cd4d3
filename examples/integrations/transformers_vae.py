"""The Trainer of Hugging Face. The exporter is one callback, which gets what the trainer logs.

pip install '/path/to/vae-exporter[demo,integrations]'
python examples/integrations/transformers_vae.py
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch
from transformers import Trainer, TrainingArguments

from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae
from vae_exporter.integrations.transformers import VaeExporterCallback


class Vae(torch.nn.Module):
    """The VAE of the demo, with the interface that the Trainer expects."""

    def __init__(self) -> None:
        super().__init__()
        self.model = CausalVideoVae(channels=8)
        self.noise = torch.Generator().manual_seed(0)
        self.last: dict[str, float] = {}

    def forward(self, clips: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the total loss of *clips*, and keep its parts."""
        posterior = self.model.encode(clips)
        losses = vae_losses(clips, self.model.decode(posterior.sample(self.noise)), posterior).detach()
        outputs = self.model.decode(posterior.mean)
        self.last = {"nll_loss": losses.nll.item(), "rec_loss": losses.rec.item(), "p_loss": losses.perception.item()}
        return {"loss": vae_losses(clips, outputs, posterior).total}


class VaeTrainer(Trainer):
    """Logs the parts of the loss beside the loss."""

    def log(self, logs: dict[str, float], *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - of the Trainer
        """Add the parts to *logs*."""
        super().log({**logs, **self.model.last}, *arguments, **keywords)


def main() -> None:
    """Train with the callback."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--port", type=int, default=9645, help="port of the metrics; 0 picks a free one")
    parser.add_argument("--output", default="vae-exporter-data/transformers", help="folder for checkpoints")
    arguments = parser.parse_args()

    shapes = MovingShapes(torch.Generator().manual_seed(0), batch_size=1, frames=3, size=16)
    clips = [{"clips": shapes.batch()[0]} for _ in range(64)]
    run = time.strftime("transformers-%Y%m%d-%H%M%S")
    callback = VaeExporterCallback(run, loss_weights=LOSS_WEIGHTS, port=arguments.port)
    training = TrainingArguments(
        arguments.output, max_steps=arguments.steps, logging_steps=1, save_strategy="no", report_to=[], use_cpu=True
    )
    VaeTrainer(Vae(), training, train_dataset=clips, callbacks=[callback]).train()


if __name__ == "__main__":
    main()
