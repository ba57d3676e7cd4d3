"""The processes of the trainings: the real exporter on a simulated clock, and what its scrapes return."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch

from looks.cards import cards
from looks.samples import STEPS_BETWEEN_SAMPLES, url_of
from looks.trainings import STEP_SECONDS, TRAININGS, WEIGHTS
from vae_exporter._process.outputs import STEP
from vae_exporter._process.settings import check_settings
from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.registry import run_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from looks.trainings import Segment, Training
    from vae_exporter._gpu.facts import GpuFacts
    from vae_exporter._record.baseline import Baseline

SCRAPE_SECONDS = 15

LINGER_SECONDS = 45
"""How long a process that has ended can still be scraped."""

CLOCK = "vae_exporter_clock_timestamp_seconds"
"""The one metric that the exporter does not take from the clock of the recorder."""

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
"""The name of a series, its other labels in alphabetical order, and its value."""


def scrapes(training: Training) -> Iterator[tuple[int, list[Sample]]]:
    """Yield the scrapes of all processes of *training*, each with its time in seconds of the hour."""
    for rank in range(training.ranks):
        steps = training.steps(rank)
        for segment in training.segments:
            process = _Process(training, segment, rank)
            yield from process.scrapes({step: steps[step] for step in range(segment.first, segment.last)})


class _Process:
    def __init__(self, training: Training, segment: Segment, rank: int) -> None:
        self._training = training
        self._segment = segment
        self._rank = rank
        self._seconds = float(segment.start)
        settings = check_settings(
            run=training.run,
            rank=rank,
            loss_weights=WEIGHTS,
            band_edges=None,
            info={"model": "causal-vae", "commit": "c28ceeb"},
            outputs_url=url_of(training.run, STEP),
            outputs_every=STEPS_BETWEEN_SAMPLES,
            start_step=segment.first or None,
        )
        self._recorder = Recorder(
            start_step=segment.first or None,
            definition=settings.definition,
            baseline=_baseline(training.baseline) if training.baseline else None,
            clock=lambda: self._seconds,
            monotonic=lambda: self._seconds,
        )
        self._registry = run_registry(settings, self._recorder, self._gpus)
        node = 10 + TRAININGS.index(training)
        self._target = (("instance", f"node-{node}:{9645 + rank}"), ("job", "vae-training"))

    def scrapes(self, steps: dict[int, dict[str, float]]) -> Iterator[tuple[int, list[Sample]]]:
        due = -(-self._segment.start // SCRAPE_SECONDS) * SCRAPE_SECONDS
        for step, values in steps.items():
            self._seconds += STEP_SECONDS
            while due < self._seconds:
                yield due, self._scrape(due)
                due += SCRAPE_SECONDS
            self._recorder.observe(step, values)
            self._recorder.observe_reconstruction(step, *_frames(round(self._training.blur(step), 2)))
            if step % 500 == 0:
                self._recorder.observe_probe(step, {"nll": values["nll"]})
            self._recorder.gauge("fvd", 40 + 400 * 2 ** (-step / 800))
        if self._segment.end is not None:
            self._recorder.end(self._segment.end)
            while due <= self._seconds + LINGER_SECONDS:
                yield due, self._scrape(due)
                due += SCRAPE_SECONDS

    def _scrape(self, at: int) -> list[Sample]:
        values = {
            (sample.name, tuple(sorted({**sample.labels, **dict(self._target)}.items()))): float(sample.value)
            for metric in self._registry.collect()
            for sample in metric.samples
        }
        samples = [(name, labels, float(at) if name == CLOCK else value) for (name, labels), value in values.items()]
        return [*samples, ("up", self._target, 1.0)]

    def _gpus(self) -> GpuFacts:
        return cards(self._training, self._rank, self._seconds)


def _baseline(run: str) -> Baseline | None:
    """Return the course of the training *run*, as the baseline of another."""
    (training,) = (training for training in TRAININGS if training.run == run)
    recorder = Recorder(keeps_course=True)
    for step, values in training.steps(rank=0).items():
        recorder.observe(step, values)
    return recorder.course()


@cache
def _frames(blur: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return frames, and their reconstructions, which have lost the share *blur* of the detail."""
    frames = torch.rand(1, 3, 2, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    smooth = torch.nn.functional.avg_pool3d(frames, (1, 5, 5), stride=1, padding=(0, 2, 2))
    return frames, frames + blur * (smooth - frames)
