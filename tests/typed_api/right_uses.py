"""Calls in a training loop that mypy must accept. Nothing runs this file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from typing_extensions import assert_type

import vae_exporter
from vae_exporter import EndpointError, SettingsError, StackError, TrainingExporter, VaeExporterError

if TYPE_CHECKING:
    from collections import OrderedDict
    from collections.abc import Mapping

    import torch


def the_exporter_keeps_its_type_through_with_and_start() -> None:
    with TrainingExporter("bs4") as exporter:
        assert_type(exporter, TrainingExporter)
    assert_type(TrainingExporter("bs4").start(), TrainingExporter)


def a_subclass_keeps_its_type() -> None:
    class Mine(TrainingExporter):
        pass

    with Mine("bs4") as exporter:
        assert_type(exporter, Mine)
    assert_type(Mine("bs4").start(), Mine)


def every_setting() -> None:
    TrainingExporter(
        run="bs4",
        rank=0,
        loss_weights={"rec": 10, "perception": 1.0, "kl": 1e-4},
        band_edges={"nll": {"good_max": 0.25, "bad": 1}},
        info={"model": "causal-vae", "batch_size": 4, "amp": True},
        outputs_url="https://example.org/samples",
        start_step=1000,
        host="0.0.0.0",
        port=0,
        targets_dir=Path("targets"),
        advertise="trainer-1:9645",
        linger_seconds=0,
        gpus="all",
        gpu_sample_seconds=1,
    )
    TrainingExporter("bs4", targets_dir="targets", gpus=False)


def settings_in_other_mappings(weights: Mapping[str, float], info: OrderedDict[str, str]) -> None:
    TrainingExporter("bs4", loss_weights=weights, info=info)


def losses_of_each_kind(exporter: TrainingExporter, tensor: torch.Tensor) -> None:
    exporter.observe(1, nll=0.2, rec=1, total=float("nan"))
    exporter.observe(1, nll=tensor, rec=tensor.mean(), kl=tensor.detach()[0], total=tensor.item())
    exporter.observe(1, nll=np.float32(0.2), rec=np.asarray([0.2]), learning_rate=np.float64(1e-4))
    exporter.observe(1, nll=None)
    exporter.observe(nll=0.2)
    exporter.observe()


def losses_in_a_dictionary(
    exporter: TrainingExporter,
    floats: dict[str, float],
    tensors: dict[str, torch.Tensor],
    mixed: dict[str, float | torch.Tensor],
    anything: dict[str, Any],
) -> None:
    exporter.observe(1, **floats)
    exporter.observe(1, **tensors)
    exporter.observe(1, **mixed, learning_rate=1e-4)
    exporter.observe(1, **anything)
    exporter.observe(1, **floats, split="validation", skipped=False)
    exporter.observe_probe(1, **tensors)
    exporter.observe_log(1, floats)
    exporter.observe_log(1, tensors, names={"nll": "my_key"})
    exporter.observe_log(None, anything)


def reconstructions(exporter: TrainingExporter, clips: torch.Tensor, frames: np.ndarray[Any, np.dtype[Any]]) -> None:
    exporter.observe_reconstruction(1, clips, clips)
    exporter.observe_reconstruction(None, inputs=frames, outputs=frames, every=50, data_range=1)


def a_pause(exporter: TrainingExporter) -> None:
    with exporter.paused("validation") as nothing:
        assert_type(nothing, None)
    with exporter.paused():
        pass


def the_address(exporter: TrainingExporter) -> None:
    assert_type(exporter.url, "str | None")
    assert_type(vae_exporter.__version__, str)


def errors(exporter: TrainingExporter) -> None:
    try:
        exporter.start()
    except (SettingsError, EndpointError, StackError) as error:
        package_error: VaeExporterError = error
        raise package_error from None
    as_builtins: tuple[ValueError, OSError] = (SettingsError("port"), EndpointError("port"))
    raise as_builtins[0]
