"""The callback in the real Trainer of Hugging Face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from scraped_port import ScrapedPort, scraped_port
from transformers import Trainer, TrainingArguments

from vae_exporter.errors import SettingsError
from vae_exporter.integrations.transformers import VaeExporterCallback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::Warning")

CLIPS = [{"x": torch.tensor([float(number)])} for number in range(8)]


@pytest.fixture
def port() -> Iterator[ScrapedPort]:
    with scraped_port() as scraped:
        yield scraped


class Autoencoder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        output = self.layer(x)
        return {"loss": (output - x).square().mean(), "output": output}


class LoggingTrainer(Trainer):
    """Adds the NLL to what the trainer logs, as a project does that wants more than the loss."""

    def log(self, logs: dict[str, float], *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401
        if "loss" in logs:
            logs["nll_loss"] = 0.25
        super().log(logs, *arguments, **keywords)


def trainer(folder: Path, port: ScrapedPort, steps: int) -> Trainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=2,
        logging_steps=1,
        eval_strategy="steps",
        eval_steps=3,
        save_steps=3,
        report_to=[],
        label_names=["x"],  # otherwise an evaluation computes no loss
        use_cpu=True,
        disable_tqdm=True,
    )

    class Scraped(VaeExporterCallback):
        def on_train_begin(self, *arguments: Any, **keywords: Any) -> None:  # noqa: ANN401 - of the Trainer
            super().on_train_begin(*arguments, **keywords)
            port.wait_for_scrape()

    callback = Scraped("adapted", port=port.number, gpus=False, linger_seconds=10)
    return LoggingTrainer(
        model=Autoencoder(), args=arguments, train_dataset=CLIPS, eval_dataset=CLIPS, callbacks=[callback]
    )


def test_a_training_with_evaluations_is_exported_until_it_ends(tmp_path: Path, port: ScrapedPort) -> None:
    trainer(tmp_path, port, 6).train()
    assert port.value("vae_run_state", state="finished") == 1
    assert port.value("vae_step") == 6
    assert port.value("vae_steps_total") == 6
    assert port.value("vae_loss", component="nll", split="train") == 0.25
    assert port.value("vae_loss", component="total", split="train") is not None
    assert port.value("vae_loss", component="total", split="validation") is not None
    assert port.value("vae_learning_rate") is not None
    assert port.value("vae_gradient_norm") is not None


def test_a_resumed_run_starts_at_its_checkpoint(tmp_path: Path, port: ScrapedPort) -> None:
    trainer(tmp_path, port, 3).train()
    trainer(tmp_path, port, 6).train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert port.value("vae_run_start_step") == 3
    assert port.value("vae_step") == 6


def test_an_invalid_setting_raises_in_the_constructor() -> None:
    with pytest.raises(SettingsError, match="port"):
        VaeExporterCallback("adapted", port=70_000)
