"""The mixin with a MetricLogger that has the interface of DeiT's, which is not published as a package."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
import torch
from scraping import scrape

from vae_exporter.integrations.metric_logger import ExportedMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vae_exporter import TrainingExporter


class ProjectLogger:
    """The interface: meters that are attributes, `update`, and `log_every`."""

    def __init__(self, delimiter: str = "\t") -> None:
        self.meters: defaultdict[str, list[float]] = defaultdict(list)
        self.delimiter = delimiter

    def update(self, **values: object) -> None:
        for name, value in values.items():
            self.meters[name].append(float(value))  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> list[float]:
        if name in self.meters:
            return self.meters[name]
        raise AttributeError(name)

    def log_every(self, items: Sequence[int], print_freq: int, header: str | None = None) -> Iterator[int]:
        for item in items:
            yield item
            if item % print_freq == 0:
                print(header, self.delimiter.join(self.meters))  # noqa: T201 - as projects do


class MetricLogger(ExportedMetrics, ProjectLogger):
    pass


def train(exporter: TrainingExporter, items: Sequence[int], *, stop_at: int | None = None) -> MetricLogger:
    logger = MetricLogger(delimiter="  ", exporter=exporter)
    for item in logger.log_every(items, 10, "Epoch"):
        logger.update(nll_loss=torch.tensor(float(item)))
        logger.update(lr=0.25)
        if item == stop_at:
            break
    return logger


def test_all_updates_of_an_item_are_one_step_and_epochs_continue(exporter: TrainingExporter) -> None:
    train(exporter, range(5))
    logger = train(exporter, range(5))
    found = scrape(str(exporter.url))
    assert found["vae_steps_total"] == 10
    assert found["vae_step"] == 9
    assert found["vae_loss nll train"] == 4
    assert found["vae_learning_rate"] == 0.25
    assert logger.nll_loss == [0, 1, 2, 3, 4]


def test_the_step_in_which_the_loop_breaks_is_recorded(exporter: TrainingExporter) -> None:
    logger = train(exporter, range(5), stop_at=2)
    del logger
    assert scrape(str(exporter.url))["vae_loss nll train"] == 2


def test_a_missing_meter_is_an_attribute_error(exporter: TrainingExporter) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = MetricLogger(exporter=exporter).nothing
