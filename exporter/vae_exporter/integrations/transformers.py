"""A callback for the trainer of Hugging Face transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from vae_exporter.integrations.adapted_run import ExportingCallback

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVALUATION = "eval_"


class VaeExporterCallback(ExportingCallback, TrainerCallback):
    """Export what the trainer logs, under the names of `TrainingExporter.observe_log`.

    The ``loss`` of the trainer is the total loss, and keys with the prefix ``eval_`` are validation losses. The trainer
    logs every ``logging_steps`` steps. Evaluations are pauses. A run that resumes from a checkpoint continues at its
    step.
    `ExportingCallback` describes the arguments.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Start the run."""
        self._run.begin(rank=args.process_index, start_step=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, object], **_: Any) -> None:  # noqa: ANN401, ARG002
        """Record what the trainer logs."""
        self._run.log(state.global_step, _as_log(logs))

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Pause the run while the trainer evaluates."""
        self._run.pause("evaluation")

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """End the pause."""
        self._run.resume()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """End the run as finished."""
        self._run.end()


def _as_log(logs: Mapping[str, object]) -> dict[str, object]:
    renamed = {
        f"val/{name.removeprefix(_EVALUATION)}" if name.startswith(_EVALUATION) else name: value
        for name, value in logs.items()
    }
    totals = {"total_loss": renamed.get("loss"), "val/total_loss": renamed.get("val/loss")}
    return {**{name: value for name, value in totals.items() if value is not None}, **renamed}
