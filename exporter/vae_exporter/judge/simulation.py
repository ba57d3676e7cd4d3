"""Simulate a run: drive the real exporter on a simulated clock and scrape it into series for a promtool unit test."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter._record.recorder import Recorder
from vae_exporter._serve.registry import run_registry
from vae_exporter.stack.promql import promql_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.baseline import Baseline
    from vae_exporter.judge.logs.repair.means import Stretch

SCRAPE_SECONDS = 15
"""The shipped scrape interval. The rules' look-back of two minutes and their `for:` clauses depend on it."""

MAX_SCRAPES = 150
"""The approximate limit of scrapes per run: as many as the simulated trainings of the tests have."""

STEPS_A_SCRAPE = 10
"""The initial number of steps per scrape. It doubles each time that `MAX_SCRAPES` is reached."""

PEAK_STEPS = 20
"""With more steps per scrape than this, an extra scrape is made where the mean NLL of this many steps peaks."""

LOOKS_A_SCRAPE = 24
"""How many times per scrape to look for a peak."""

SAMPLED_STEPS = 5
"""Of a long stretch, only every 5th step is trained. The losses are observed at its last step."""


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, by series, and the step at which it was made."""

    step: int
    samples: Mapping[str, float]
    peak: float | None = None  # the mean NLL at the peak for which it was made; None for a regular scrape
    is_kept: bool = False  # whether to keep it when others are thinned out: a loss became non-finite


@dataclass
class Scrapes:
    """What Prometheus would have scraped from *run*, with one scrape every `SCRAPE_SECONDS`."""

    run: str
    scrapes: list[Scrape] = field(default_factory=list)
    course: Baseline | None = None  # of the run, as the baseline of others; None if it held no level

    def __len__(self) -> int:
        return len(self.scrapes)

    @property
    def steps(self) -> list[int]:
        """The step of each scrape."""
        return [scrape.step for scrape in self.scrapes]

    @property
    def end_seconds(self) -> int:
        """The time of the last scrape, in seconds from the first."""
        return SCRAPE_SECONDS * (len(self) - 1)

    def seconds_at(self, step: int) -> int:
        """Return the time of the first scrape at *step* or later, in seconds from the first scrape."""
        return SCRAPE_SECONDS * next(index for index, scrape in enumerate(self.scrapes) if scrape.step >= step)

    def series(self) -> Iterator[tuple[str, str]]:
        """Yield each series and its values in the notation of promtool's unit tests."""
        names = dict.fromkeys(name for scrape in self.scrapes for name in scrape.samples)
        for name in names:
            yield name, " ".join(self._values(name))

    def _values(self, name: str) -> Iterator[str]:
        is_time = "_timestamp_seconds{" in name
        was_there = False
        for index, scrape in enumerate(self.scrapes):
            value = scrape.samples.get(name)
            if value is None:  # Prometheus marks a series stale when it disappears from a scrape
                yield "stale" if was_there else "_"
            else:  # thinning moves scrapes to earlier times; a timestamp must not lie in the future
                yield repr(min(value, float(SCRAPE_SECONDS * index)) if is_time else value)
            was_there = value is not None


class SimulatedRun:
    """The exporter of one run, on a clock that only `wait` advances. It is compared with *baseline*, the run before."""

    def __init__(self, settings: RunSettings, baseline: Baseline | None = None) -> None:
        self.seconds = 0.0
        self.recorder = Recorder(
            start_step=settings.start_step,
            definition=settings.definition,
            window_steps=settings.window_steps,
            baseline=baseline,
            keeps_course=True,
            clock=lambda: self.seconds,
            monotonic=lambda: self.seconds,
        )
        self._registry = run_registry(settings, self.recorder)
        self._names: dict[tuple[str, ...], str] = {}  # of series, by metric name and label values

    def wait(self, seconds: float) -> None:
        """Advance the clock."""
        self.seconds += seconds

    def observe(self, step: int, values: Mapping[str, float], *, group: str = "", mean_over: int = 1) -> None:
        """Record one training step."""
        self.recorder.observe(step, values, group=group, mean_over=mean_over)

    def evaluate(self, step: int, losses: Mapping[str, float]) -> None:
        """Record the losses of an evaluation at *step*."""
        self.recorder.observe(step, losses, split="validation")

    def scrape(self, step: int, *, peak: float | None = None, is_kept: bool = False) -> Scrape:
        """Scrape the exporter once."""
        samples = {
            self._series(sample.name, sample.labels): float(sample.value)
            for metric in self._registry.collect()
            if not metric.name.startswith("vae_exporter")
            for sample in metric.samples
        }
        return Scrape(step, samples, peak, is_kept)

    def _series(self, name: str, labels: Mapping[str, str]) -> str:
        key = (name, *labels.values())
        if key not in self._names:
            self._names[key] = _series(name, labels)
        return self._names[key]


class _Peak:
    """The highest mean NLL over `PEAK_STEPS` since the last scrape, like an oscilloscope's peak detection."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque()
        self._looked_at = 0
        self.scrape: Scrape | None = None

    def observe(self, run: SimulatedRun, step: int, nll: float, *, every: int) -> None:
        if math.isfinite(nll):
            self._recent.append((step, nll))
        while self._recent and not step - PEAK_STEPS < self._recent[0][0] <= step:
            self._recent.popleft()
        if self._recent and abs(step - self._looked_at) >= every:
            self._looked_at = step
            mean = sum(value for _, value in self._recent) / len(self._recent)
            if self.scrape is None or mean >= (self.scrape.peak or 0):
                self.scrape = run.scrape(step, peak=mean)

    def take(self, step: int) -> list[Scrape]:
        """Return the scrape at the peak, unless it was made at *step*, and start over."""
        scrape, self.scrape = self.scrape, None
        return [scrape] if scrape is not None and scrape.step != step else []


def simulate(settings: RunSettings, stretches: Iterable[Stretch], baseline: Baseline | None = None) -> Scrapes:
    """Simulate a run of *stretches*, which is compared with *baseline*, and return its scrapes.

    A longer run gets more steps per scrape, not more scrapes than about `MAX_SCRAPES`, so memory and time are bounded.
    """
    run = SimulatedRun(settings, baseline)
    scrapes = Scrapes(settings.run)
    density = STEPS_A_SCRAPE
    peak = _Peak()
    last_scraped: int | None = None
    last_step = 0
    was_finite = True
    for stretch in stretches:
        for step, values, mean_over in steps_of(stretch):
            run.wait(SCRAPE_SECONDS / density * max(1, min(step - last_step, density)))
            run.observe(step, values, mean_over=mean_over)
            last_step = step
            if density > PEAK_STEPS and "nll" in values:
                peak.observe(run, step, values["nll"], every=max(STEPS_A_SCRAPE, density // LOOKS_A_SCRAPE))
            is_finite = all(map(math.isfinite, values.values()))
            is_due = last_scraped is None or not last_scraped <= step < last_scraped + density
            if is_due or (was_finite and not is_finite):
                scrapes.scrapes.extend(peak.take(step))
                scrapes.scrapes.append(run.scrape(step, is_kept=not is_due))
                last_scraped = step
            was_finite = is_finite
        if stretch.validation:
            run.evaluate(last_step, stretch.validation)
        if len(scrapes) > MAX_SCRAPES:
            density *= 2
            run.seconds = SCRAPE_SECONDS * len(scrapes) / 2
            scrapes.scrapes = thinned(scrapes.scrapes)
    run.recorder.end("finished")  # the end of a log is not a crash
    scrapes.scrapes.append(run.scrape(last_step))
    scrapes.course = run.recorder.course()
    return scrapes


def thinned(scrapes: Sequence[Scrape]) -> list[Scrape]:
    """Return every second scrape, the highest peak before each, and the `is_kept` ones unless they are too many."""
    result: list[Scrape] = []
    peaks: list[Scrape] = []
    is_second = False
    keeps = sum(scrape.is_kept for scrape in scrapes) <= MAX_SCRAPES // 4
    for scrape in scrapes:
        if scrape.peak is not None:
            peaks.append(scrape)
        elif scrape.is_kept and keeps:
            result.append(scrape)
        elif is_second:
            result.extend(sorted(peaks, key=lambda candidate: candidate.peak or 0)[-1:])
            result.append(scrape)
            peaks, is_second = [], False
        else:
            is_second = True
    return result


def steps_of(stretch: Stretch) -> Iterator[tuple[int, dict[str, float], int]]:
    """Yield steps of *stretch*, what a trainer that prints its means reports there, and over how many steps.

    Of a long stretch, only every `SAMPLED_STEPS`-th step is yielded.
    """
    length = stretch.last - stretch.first + 1
    apart = SAMPLED_STEPS if length >= 2 * SAMPLED_STEPS else 1
    first = stretch.first + (length - 1) % apart
    for step in range(first, stretch.last, apart):
        yield step, dict(stretch.nonfinite) if step == first else {}, 1
    yield stretch.last, dict(stretch.values), length


def _series(name: str, labels: Mapping[str, str]) -> str:
    pairs = {**labels, "instance": "127.0.0.1:9645", "job": "vae-training"}
    return f"{name}{{{','.join(f'{label}={promql_string(value)}' for label, value in pairs.items())}}}"
