"""A mixin for the MetricLogger of the DeiT family (DeiT, MAE, torchvision's references)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.training_exporter import TrainingExporter


class ExportedMetrics:
    """Export what a MetricLogger is updated with, under the names of `TrainingExporter.observe_log`.

    Put it before the MetricLogger of your project::

        class MetricLogger(ExportedMetrics, utils.MetricLogger):
            pass

    Each item of ``log_every`` is a step, and all updates in it belong to the step. The steps keep counting if the next
    epoch has a new MetricLogger with the same exporter.

    Args:
        arguments: The arguments of the MetricLogger.
        exporter: The exporter of the run.
        keywords: Likewise.
    """

    def __init__(self, *arguments: Any, exporter: TrainingExporter, **keywords: Any) -> None:  # noqa: ANN401
        self._exporter = exporter
        self._values: dict[str, object] = {}
        super().__init__(*arguments, **keywords)

    def update(self, **values: Any) -> None:  # noqa: ANN401 - numbers or tensors
        """Update the meters, and keep *values* for the end of the step."""
        self._values.update(values)
        super().update(**values)  # type: ignore[misc]

    def log_every(self, *arguments: Any, **keywords: Any) -> Iterator[Any]:  # noqa: ANN401
        """Yield the items as the MetricLogger does, and record the values of each step."""
        for item in super().log_every(*arguments, **keywords):  # type: ignore[misc]
            self._values = {}
            try:
                yield item
            finally:  # also if the loop breaks
                self._exporter.observe_log(None, self._values)
