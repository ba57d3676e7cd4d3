"""A loop with DistributedDataParallel under torchrun. Each rank has an exporter, and Prometheus finds it by its file.

The rank comes from torch.distributed. The rules average over the ranks, so the run is judged as one.

    pip install '/path/to/vae-exporter[demo]'
    torchrun --nproc-per-node=2 examples/launchers/torchrun_vae.py vae-1234 --targets-dir prometheus/targets
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from vae_exporter import TrainingExporter
from vae_exporter.demo.clips import MovingShapes
from vae_exporter.demo.losses import LOSS_WEIGHTS, vae_losses
from vae_exporter.demo.model import CausalVideoVae


def train(steps: int, exporter: TrainingExporter) -> None:
    """Train for *steps* optimizer steps."""
    torch.manual_seed(0)
    clips = MovingShapes(torch.Generator().manual_seed(dist.get_rank()), batch_size=2, frames=3, size=16)
    model = DistributedDataParallel(CausalVideoVae(channels=8))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(steps):
        inputs = clips.batch()
        outputs, posterior = model(inputs, clips.generator)
        losses = vae_losses(inputs, outputs, posterior)
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        exporter.observe(
            step,
            nll=losses.nll,
            rec=losses.rec,
            perception=losses.perception,
            kl=losses.kl,
            total=losses.total,
            learning_rate=optimizer.param_groups[0]["lr"],
        )


def main() -> None:
    """Train in each rank, inside the exporter's `with` block."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="the name of the run, which all ranks share")
    parser.add_argument("--targets-dir", type=Path, required=True, help="the folder that Prometheus watches")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()

    dist.init_process_group("gloo")  # "nccl" on GPUs
    with TrainingExporter(arguments.run, loss_weights=LOSS_WEIGHTS, targets_dir=arguments.targets_dir) as exporter:
        train(arguments.steps, exporter)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
