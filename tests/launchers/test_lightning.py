"""Runs under Lightning's own launcher, which sets neither RANK nor SLURM_PROCID."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from children import child
from deadline import wait_until
from http_get import SCRAPER, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRAINER = """
import sys, time
import torch
from {package} import LightningModule, Trainer
from vae_exporter import TrainingExporter

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch).square().mean()
        exporter.observe(self.global_step, nll=loss)
        time.sleep(0.05)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)

with TrainingExporter("lightning", port=0, targets_dir=sys.argv[1], linger_seconds=60, gpus=False) as exporter:
    trainer = Trainer(
        accelerator="cpu", devices=int(sys.argv[2]), strategy="ddp", max_epochs=-1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=sys.argv[1],
    )
    trainer.fit(Model(), torch.utils.data.DataLoader(torch.zeros(100_000, 2)))
"""


@pytest.fixture(params=["lightning", "pytorch_lightning"])
def trainer_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "train.py"
    file.write_text(TRAINER.format(package=request.param))
    return file


@pytest.fixture
def environment() -> dict[str, str]:
    without_rank = {name: value for name, value in os.environ.items() if name != "RANK"}
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    return {**without_rank, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback}


def exports(targets: Path) -> Iterator[tuple[str, str]]:
    """Yield the rank that each target file names, and what its endpoint answers."""
    for file in targets.glob("*.json"):
        (target,) = json.loads(file.read_text())
        yield target["labels"]["rank"], get(f"http://{target['targets'][0]}/metrics", **SCRAPER).text


@pytest.mark.timeout(300)
def test_its_two_devices_are_two_ranks_and_ctrl_c_is_no_failure(
    trainer_file: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    targets, log = tmp_path / "targets", tmp_path / "log"
    targets.mkdir()
    command: list[str | Path] = [sys.executable, trainer_file, targets, "2"]
    with (
        log.open("wb") as output,
        child(command, seconds=280, env=environment, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        seen: set[str] = set()

        def both_train() -> bool:
            found = dict(exports(targets))
            seen.update(found)
            return len(found) == 2 and all(f'vae_step{{rank="{rank}"' in text for rank, text in found.items())

        wait_until(both_train, "two ranks that train", seconds=200)
        assert seen == {"0", "1"}

        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        wait_until(
            lambda: any(
                'vae_run_state{rank="0",run="lightning",state="terminated"} 1.0' in text for _, text in exports(targets)
            ),
            "the end",
            seconds=60,
        )
        assert process.wait(60) != 0  # Lightning may kill its ranks once one of them has left
