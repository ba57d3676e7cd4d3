"""The callback in the real trainers of ``lightning`` and ``pytorch_lightning``."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from scraped_port import ScrapedPort, scraped_port

from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the trainers warn about small data sets and missing GPUs


class Library(NamedTuple):
    """One of the two libraries, and the adapter for it."""

    trainers: ModuleType
    callback: Any


@pytest.fixture(params=[("lightning.pytorch", "lightning"), ("pytorch_lightning", "pytorch_lightning")])
def library(request: pytest.FixtureRequest) -> Library:
    trainers, adapter = request.param
    with warnings.catch_warnings(action="ignore"):
        callback = importlib.import_module(f"vae_exporter.integrations.{adapter}").VaeExporterCallback
        return Library(importlib.import_module(trainers), callback)


@pytest.fixture
def port() -> Iterator[ScrapedPort]:
    with scraped_port() as scraped:
        yield scraped


def batches(count: int = 12) -> Any:  # noqa: ANN401 - a generic of torch
    numbers: Any = list(range(1, count + 1))
    return torch.utils.data.DataLoader(numbers, batch_size=1)


def autoencoder(library: Library, *, fails: BaseException | None = None) -> Any:  # noqa: ANN401 - of either library
    class Autoencoder(library.trainers.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
            if fails is not None and batch_idx == 3:
                raise fails
            self.log("train/nll_loss", batch.float().mean())
            loss: torch.Tensor = self.layer(batch[:, None].float()).square().mean()
            return loss

        def validation_step(self, batch: torch.Tensor, batch_idx: int) -> None:  # noqa: ARG002
            self.log("val/nll_loss", batch.float().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.25)

    return Autoencoder()


def gan(library: Library) -> Any:  # noqa: ANN401 - of either library
    class Gan(library.trainers.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.automatic_optimization = False
            self.layers = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(2))

        def training_step(self, batch: torch.Tensor, batch_idx: int) -> None:  # noqa: ARG002
            for layer, optimizer in zip(self.layers, self.optimizers(), strict=True):
                optimizer.zero_grad()
                self.manual_backward(layer(batch[:, None].float()).square().mean())
                optimizer.step()
            self.log_dict({"nll_loss": batch.float().mean(), "disc_loss": 0.5})

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            return [torch.optim.SGD(layer.parameters(), lr=0.25) for layer in self.layers]

    return Gan()


def trainer(library: Library, folder: Path, port: ScrapedPort, **options: Any) -> Any:  # noqa: ANN401
    class Scraped(library.callback):  # type: ignore[name-defined]
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
            super().on_train_start(trainer, pl_module)
            port.wait_for_scrape()

    callback = Scraped("adapted", port=port.number, gpus=False, linger_seconds=10)
    return library.trainers.Trainer(
        default_root_dir=folder,
        callbacks=[callback],
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def test_a_training_with_validation(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    trainer(library, tmp_path, port, max_epochs=2).fit(autoencoder(library), batches(), batches(4))
    assert port.value("vae_run_state", state="finished") == 1
    assert port.states() <= {"running", "paused", "finished"}
    assert port.value("vae_step") == 23
    assert port.value("vae_steps_total") == 24
    assert port.value("vae_loss", component="nll", split="train") == 12
    assert port.value("vae_loss", component="nll", split="validation") == 2.5
    assert port.value("vae_learning_rate") == 0.25


def test_accumulated_batches_are_one_step(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    trainer(library, tmp_path, port, max_epochs=1, accumulate_grad_batches=3).fit(autoencoder(library), batches())
    assert port.value("vae_steps_total") == 4
    assert port.value("vae_step") == 3


def test_a_gan_with_two_optimizers_counts_each_batch_once(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    trainer(library, tmp_path, port, max_epochs=1).fit(gan(library), batches())
    assert port.value("vae_steps_total") == 12
    assert port.value("vae_step") == 11
    assert port.value("vae_loss", component="discriminator", split="train") == 0.5


def test_a_resumed_run_starts_at_its_checkpoint(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    first = trainer(library, tmp_path, port, max_epochs=1)
    first.fit(autoencoder(library), batches())
    first.save_checkpoint(tmp_path / "last.ckpt")
    second = trainer(library, tmp_path, port, max_epochs=2)
    second.fit(autoencoder(library), batches(), ckpt_path=tmp_path / "last.ckpt", weights_only=False)
    assert port.value("vae_run_start_step") == 12
    assert port.value("vae_run_resumed") == 1
    assert port.value("vae_step") == 23


def test_an_exception_fails_the_run(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    with pytest.raises(ValueError, match="broken"):
        trainer(library, tmp_path, port, max_epochs=1).fit(autoencoder(library, fails=ValueError("broken")), batches())
    assert port.value("vae_run_state", state="failed") == 1
    assert port.value("vae_step") == 2


def test_ctrl_c_terminates_the_run(library: Library, tmp_path: Path, port: ScrapedPort) -> None:
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        trainer(library, tmp_path, port, max_epochs=1).fit(autoencoder(library, fails=KeyboardInterrupt()), batches())
    assert port.value("vae_run_state", state="terminated") == 1


def test_an_invalid_setting_raises_in_the_constructor(library: Library) -> None:
    with pytest.raises(SettingsError, match="port"):
        library.callback("adapted", port=70_000)
