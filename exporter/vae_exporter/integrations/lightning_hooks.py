"""The hooks of the Lightning callback, which are the same for ``lightning`` and ``pytorch_lightning``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_exporter.integrations.adapted_run import ExportingCallback

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALIDATION = ("val/", "validation/")


class LightningHooks(ExportingCallback):
    """Export what a LightningModule logs with ``self.log``, under the names of `TrainingExporter.observe_log`.

    A step is an optimizer step. With manual optimization, as in a GAN with two optimizers, it is a batch. The sanity
    check and the validation are pauses. A run that resumes from a checkpoint continues at its step.
    `ExportingCallback` describes the arguments.
    """

    def __init__(self, run: str, **settings: Any) -> None:  # noqa: ANN401 - of TrainingExporter
        super().__init__(run, **settings)
        self._step = 0

    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401 - of either library
        """Start the run, paused."""
        self._begin(trainer, pl_module)
        self._run.pause("sanity check")

    def on_sanity_check_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """End the pause."""
        self._run.resume()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        """Start the run."""
        self._begin(trainer, pl_module)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ANN401, ARG002
        """Note the step, which the optimizer increases before the batch ends."""
        self._step = _step(trainer, pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ANN401, ARG002
        """Record what the module has logged."""
        logged = {name: value for name, value in trainer.callback_metrics.items() if not name.startswith(_VALIDATION)}
        self._run.log(self._step, {"lr": _learning_rate(trainer), **logged})

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Pause the run."""
        if not trainer.sanity_checking:
            self._run.pause("validation")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Record the validation losses, and end the pause."""
        if not trainer.sanity_checking:
            self._run.log(self._step, _validation(trainer.callback_metrics))
            self._run.resume()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """End the run as finished."""
        self._run.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ANN401, ARG002
        """End the run: as terminated after Ctrl-C, and as failed after any other exception."""
        self._run.end()

    def _begin(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        self._run.begin(rank=trainer.global_rank, start_step=_step(trainer, pl_module))


def _step(trainer: Any, pl_module: Any) -> int:  # noqa: ANN401
    """Return the number of the optimizer step that the current batch belongs to."""
    if pl_module.automatic_optimization:
        return int(trainer.global_step)
    # With manual optimization, the global step counts the steps of all optimizers.
    return max(int(trainer.fit_loop.total_batch_idx), 0)


def _learning_rate(trainer: Any) -> float | None:  # noqa: ANN401
    optimizers = trainer.optimizers
    return optimizers[0].param_groups[0]["lr"] if optimizers else None


def _validation(metrics: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in metrics.items() if name.startswith(_VALIDATION)}
