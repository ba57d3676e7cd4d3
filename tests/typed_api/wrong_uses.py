"""Calls in a training loop that mypy must reject. Nothing runs this file.

If mypy accepts a line, its ``type: ignore`` is unused, which is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter import TrainingExporter

if TYPE_CHECKING:
    import torch


def settings() -> None:
    TrainingExporter()  # type: ignore[call-arg]
    TrainingExporter(4)  # type: ignore[arg-type]
    TrainingExporter("bs4", 0)  # type: ignore[call-arg]
    TrainingExporter("bs4", rank="0")  # type: ignore[arg-type]
    TrainingExporter("bs4", loss_weights={"rec": "ten"})  # type: ignore[dict-item]
    TrainingExporter("bs4", loss_weights=[10, 1])  # type: ignore[arg-type]
    TrainingExporter("bs4", band_edges={"nll": 0.3})  # type: ignore[dict-item]
    TrainingExporter("bs4", info="bs4")  # type: ignore[arg-type]
    TrainingExporter("bs4", start_step=1e3)  # type: ignore[arg-type]
    TrainingExporter("bs4", port="9645")  # type: ignore[arg-type]
    TrainingExporter("bs4", linger_seconds=None)  # type: ignore[arg-type]
    TrainingExporter("bs4", gpus=True)  # type: ignore[arg-type]
    TrainingExporter("bs4", weights={"rec": 10})  # type: ignore[call-arg]


def steps(exporter: TrainingExporter, loss: torch.Tensor) -> None:
    exporter.observe("1", nll=loss)  # type: ignore[arg-type]
    exporter.observe(1.0, nll=loss)  # type: ignore[arg-type]
    exporter.observe(1, loss)  # type: ignore[call-arg]
    exporter.observe_log({"nll_loss": loss})  # type: ignore[call-arg, arg-type]
    exporter.observe_log(1, [loss])  # type: ignore[arg-type]
    exporter.observe_probe(1, loss)  # type: ignore[call-arg]
    exporter.observe_reconstruction(1, loss)  # type: ignore[call-arg]
    exporter.observe_reconstruction(1, loss, loss, every=None)  # type: ignore[arg-type]


def the_rest(exporter: TrainingExporter) -> None:
    exporter.paused(5)  # type: ignore[arg-type]
    exporter.url = "http://127.0.0.1:9645"  # type: ignore[misc]
    exporter.report()  # type: ignore[attr-defined]
    with exporter.start as _:  # type: ignore[attr-defined]
        pass
