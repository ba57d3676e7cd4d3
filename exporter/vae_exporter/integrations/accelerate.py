"""A tracker for Accelerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from accelerate.tracking import GeneralTracker

from vae_exporter.integrations.adapted_run import AdaptedRun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.training_exporter import TrainingExporter


class VaeExporterTracker(GeneralTracker):
    """Export what the training passes to ``accelerator.log``, under the names of `TrainingExporter.observe_log`.

    Each rank exports its own values. The run ends with ``accelerator.end_training()``.

    Args:
        run: The name of the run. It must be unique within the Prometheus server.
        start_step: The step from which a resumed run continues.
        settings: The other arguments of `TrainingExporter`. *rank* comes from Accelerate.

    Raises:
        SettingsError: If an argument is invalid.
    """

    name = "vae_exporter"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, run: str, *, start_step: int = 0, **settings: Any) -> None:  # noqa: ANN401 - of TrainingExporter
        super().__init__()
        self._run = AdaptedRun(run, settings)
        self._start_step = start_step

    @property
    def tracker(self) -> TrainingExporter | None:
        """The exporter. None before ``accelerator.init_trackers`` and after ``accelerator.end_training``."""
        return self._run.exporter

    def start(self) -> None:
        """Start the run."""
        self._run.begin(rank=PartialState().process_index, start_step=self._start_step)

    def store_init_configuration(self, values: Mapping[str, object]) -> None:
        """Do nothing: pass ``info=`` to describe the run."""

    def log(self, values: Mapping[str, object], step: int | None = None, **_: object) -> None:
        """Record *values* at *step*, or at the next one."""
        self._run.log(step, values)

    def finish(self) -> None:
        """End the run."""
        self._run.end()
