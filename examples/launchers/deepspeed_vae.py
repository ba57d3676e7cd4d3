"""A loop with the engine of DeepSpeed, under its launcher. Each rank has an exporter, as under torchrun.

pip install '/path/to/vae-exporter[demo]' deepspeed
deepspeed --num_gpus 2 examples/launchers/deepspeed_vae.py vae-1234 --targets-dir prometheus/targets
"""

from __future__ import annotations

import argparse
from pathlib import Path

import deepspeed
import torch

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae

CONFIG = {
    "train_micro_batch_size_per_gpu": 2,
    "optimizer": {"type": "Adam", "params": {"lr": 2e-3, "torch_adam": True}},
}


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* optimizer steps."""
    torch.manual_seed(0)
    model = CausalVideoVae(channels=8)
    engine, *_ = deepspeed.initialize(model=model, model_parameters=model.parameters(), config=CONFIG)
    clips = MovingShapes(torch.Generator().manual_seed(engine.global_rank), batch_size=2, frames=3, size=16)
    for step in range(steps):
        inputs = clips.batch()
        outputs, posterior = engine(inputs, clips.generator)
        losses = vae_losses(inputs, outputs, posterior)
        engine.backward(losses.total)
        engine.step()
        exporter.observe(
            step,
            nll=losses.nll,
            rec=losses.rec,
            perception=losses.perception,
            kl=losses.kl,
            total=losses.total,
            learning_rate=engine.get_lr()[0],
            gradient_norm=engine.get_global_grad_norm(),
        )


def main() -> None:
    """Train in each rank, inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the name of the run, which all ranks share")
    parser.add_argument("--targets-dir", type=Path, required=True, help="the folder that Prometheus watches")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--local_rank", type=int, help="set by the launcher")
    arguments = parser.parse_args()

    deepspeed.init_distributed()
    with TrainingExporter(arguments.run, loss_weights=LOSS_WEIGHTS, targets_dir=arguments.targets_dir) as exporter:
        train(arguments.steps, exporter)


if __name__ == "__main__":
    main()
