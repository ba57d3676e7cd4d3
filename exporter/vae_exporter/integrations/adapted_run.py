"""The run of a trainer that says itself when the training begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter.training_exporter import TrainingExporter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager


class ExportingCallback:
    """What the callbacks of all trainers have in common: their arguments, and access to the exporter.

    Args:
        run: The name of the run. It must be unique within the Prometheus server.
        settings: The other arguments of `TrainingExporter`. *rank* and *start_step* come from the trainer.

    Raises:
        SettingsError: If an argument is invalid.
    """

    def __init__(self, run: str, **settings: Any) -> None:  # noqa: ANN401 - of TrainingExporter
        super().__init__()
        self._run = AdaptedRun(run, settings)

    @property
    def exporter(self) -> TrainingExporter | None:
        """The exporter, for values that are not logged. None before and after the training."""
        return self._run.exporter


class AdaptedRun:
    """Creates the exporter when the training begins, because its rank and its first step are unknown before.

    Args:
        run: The name of the run.
        settings: The other arguments of `TrainingExporter`.

    Raises:
        SettingsError: If an argument is invalid.
    """

    def __init__(self, run: str, settings: Mapping[str, Any]) -> None:
        TrainingExporter(run, **settings)  # reports an invalid argument here, where the user wrote it
        self._run = run
        self._settings = dict(settings)
        self._pause: AbstractContextManager[None] | None = None
        self.exporter: TrainingExporter | None = None
        """The exporter. None before `begin` and after `end`."""

    def begin(self, *, rank: int, start_step: int) -> None:
        """Start the exporter, unless it runs already. Arguments that the user gave take precedence."""
        if self.exporter is None:
            known = {"rank": rank, "start_step": start_step, **self._settings}
            self.exporter = TrainingExporter(self._run, **known).start()

    def log(self, step: int | None, values: Mapping[str, object]) -> None:
        """Record *values*, as `TrainingExporter.observe_log` does. Does nothing outside of the training."""
        if self.exporter:
            self.exporter.observe_log(step, values)

    def pause(self, activity: str) -> None:
        """Mark the run as paused until `resume`. A second call does nothing."""
        if self.exporter and self._pause is None:
            self._pause = self.exporter.paused(activity)
            self._pause.__enter__()

    def resume(self) -> None:
        """End the pause, if there is one."""
        pause, self._pause = self._pause, None
        if pause:
            pause.__exit__(None, None, None)

    def end(self) -> None:
        """End the run, in the state that `TrainingExporter.close` chooses. The next `begin` starts a new exporter."""
        exporter, self.exporter = self.exporter, None
        if exporter:
            self.resume()
            exporter.close()
