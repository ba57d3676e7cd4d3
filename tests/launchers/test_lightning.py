"""Runs under Lightning's own launcher, which sets neither RANK nor SLURM_PROCID."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from children import child
from deadline import wait_until
from scraping import scrape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TRAINER = """
import sys, time
import torch
from {package} import LightningModule, Trainer
from vae_exporter import TrainingExporter
from vae_exporter.integrations.{package} import VaeExporterCallback

targets, how = sys.argv[1:]
settings = dict(port=0, targets_dir=targets, linger_seconds=60, gpus=False)
exporter = TrainingExporter("lightning", **settings).start() if how == "exporter" else None
callbacks = [VaeExporterCallback("lightning", **settings)] if how == "callback" else []

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch).square().mean()
        if exporter:
            exporter.observe(self.global_step, nll=loss)
        self.log("nll_loss", loss)
        time.sleep(0.05)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)

trainer = Trainer(
    accelerator="cpu", devices=2, strategy="ddp", max_epochs=-1, logger=False, callbacks=callbacks,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=targets,
)
trainer.fit(Model(), torch.utils.data.DataLoader(torch.zeros(100_000, 2)))
"""


@dataclass
class Training:
    """A training of two ranks, and the folder with its target files."""

    process: subprocess.Popen[str]
    targets: Path
    ranks: set[str] = field(default_factory=set)
    """The ranks that have been seen so far."""

    def trains(self) -> bool:
        """Scrape each rank, and return whether both train."""
        found = {target["labels"]["rank"]: scrape(f"http://{target['targets'][0]}") for target in self.written()}
        self.ranks.update(found)
        return len(found) == 2 and all(samples.get("vae_step", 0) > 0 for samples in found.values())

    def ends(self) -> dict[str, str]:
        """Return the state in which each rank ended, from the files in which it left that."""
        labels = [target["labels"] for target in self.written()]
        return {one["rank"]: one["end_state"] for one in labels if "end_state" in one}

    def written(self) -> list[Any]:
        return [json.loads(file.read_text())[0] for file in self.targets.glob("*.json")]


@pytest.fixture(params=["lightning", "pytorch_lightning"])
def train(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Training]]:
    """Return a function that starts a training that has an exporter of its own, or the callback."""
    file = tmp_path / "train.py"
    file.write_text(TRAINER.format(package=request.param))
    targets = tmp_path / "targets"
    targets.mkdir()
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    without_rank = {name: value for name, value in os.environ.items() if name != "RANK"}
    environment = {**without_rank, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback}
    with ExitStack() as stack:

        def start(how: str) -> Training:
            output = stack.enter_context((tmp_path / "log").open("wb"))
            command: list[str | Path] = [sys.executable, file, targets, how]
            pipes: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT}
            training = Training(stack.enter_context(child(command, seconds=280, env=environment, **pipes)), targets)
            wait_until(training.trains, "two ranks that train", seconds=200)
            return training

        yield start


def test_its_two_devices_are_two_ranks(train: Callable[[str], Training]) -> None:
    assert train("exporter").ranks == {"0", "1"}


def test_ctrl_c_terminates_both_ranks(train: Callable[[str], Training]) -> None:
    """One of them may wait for a collective operation of both, and handle no signal until Lightning kills it."""
    training = train("callback")
    os.killpg(training.process.pid, signal.SIGINT)  # as a terminal does it
    wait_until(lambda: len(training.ends()) == 2, "both ends")
    assert training.ends() == {"0": "terminated", "1": "terminated"}


def test_ctrl_c_is_no_failure_without_the_callback(train: Callable[[str], Training]) -> None:
    """Lightning kills rank 1 within milliseconds, so only the end of rank 0 is certain."""
    training = train("exporter")
    os.killpg(training.process.pid, signal.SIGINT)
    wait_until(lambda: "0" in training.ends(), "the end of rank 0")
    assert set(training.ends().values()) == {"terminated"}
