"""The tracker in a real Accelerator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from accelerate import Accelerator
from scraped_port import ScrapedPort, scraped_port

from vae_exporter.errors import SettingsError
from vae_exporter.integrations.accelerate import VaeExporterTracker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore::Warning")

STEPS = 6


@pytest.fixture
def port() -> Iterator[ScrapedPort]:
    with scraped_port() as scraped:
        yield scraped


def train(accelerator: Accelerator, port: ScrapedPort) -> None:
    model = torch.nn.Linear(1, 1)
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.25))
    accelerator.init_trackers("ignored", config={"lr": 0.25})
    port.wait_for_scrape()
    for step in range(STEPS):
        loss = model(torch.ones(1, 1)).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        accelerator.log({"nll_loss": float(step), "total_loss": loss.detach(), "lr": 0.25}, step=step)


def test_a_training_is_exported_until_it_ends(port: ScrapedPort) -> None:
    tracker = VaeExporterTracker("adapted", port=port.number, gpus=False, linger_seconds=10)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    assert tracker.tracker is None
    train(accelerator, port)
    assert tracker.tracker is not None
    accelerator.end_training()
    assert port.value("vae_run_state", state="finished") == 1
    assert port.value("vae_step") == STEPS - 1
    assert port.value("vae_steps_total") == STEPS
    assert port.value("vae_loss", component="nll", split="train") == STEPS - 1
    assert port.value("vae_learning_rate") == 0.25


def test_an_invalid_setting_raises_in_the_constructor() -> None:
    with pytest.raises(SettingsError, match="port"):
        VaeExporterTracker("adapted", port=70_000)
