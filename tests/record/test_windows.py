"""The window means, against a model that keeps every value in a plain list."""

from __future__ import annotations

import math
import pickle
import random
from fractions import Fraction
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vae_exporter._record.windows import REMEMBERED_STEPS, WINDOW_LAGS, StepWindows

if TYPE_CHECKING:
    from collections.abc import Iterable

Observed = tuple[int, float]


class PlainWindows:
    """A simple model of `StepWindows`, with lists, loops and fractions."""

    def __init__(self) -> None:
        self.given: list[Observed] = []
        self.newest: int | None = None
        self.remembered_since = 0
        self.best: dict[int, float] = {}

    def observe(self, step: int, value: float) -> None:
        if self.newest is None:
            self.remembered_since = step
        elif step > self.newest:
            self.note_best()
        elif step < self.newest:
            self.given = [(past, old) for past, old in self.given if past < step]
            self.remembered_since = min(self.remembered_since, step)
        self.newest = step
        self.remembered_since = max(self.remembered_since, step - REMEMBERED_STEPS + 1)
        self.given.append((step, value))

    def note_best(self) -> None:
        for width in WINDOW_LAGS:
            mean = self.mean(width, 0)
            if mean is not None:
                self.best[width] = min(mean, self.best.get(width, math.inf))

    def mean(self, width: int, lag: int) -> float | None:
        assert self.newest is not None
        window = range(self.newest - lag - width + 1, self.newest - lag + 1)
        if window.start < self.remembered_since:
            return None
        finite: dict[int, list[float]] = {}
        for step, value in reversed(self.given):
            if step < window.start:
                break
            if step in window and math.isfinite(value):
                finite.setdefault(step, []).append(value)
        return mean_of([mean_of(values) for values in finite.values()]) if finite else None


def mean_of(values: list[float]) -> float:
    return float(sum(map(Fraction, values)) / len(values))


Means = dict[tuple[int, int], float | None]


def means_and_best(windows: StepWindows) -> tuple[Means, dict[int, float]]:
    snapshot = windows.snapshot()
    assert snapshot is not None
    means = {(width, lag): snapshot.mean(width, lag) for width in WINDOW_LAGS for lag in WINDOW_LAGS[width]}
    return means, snapshot.best


def check(observed: Iterable[Observed], *, every: int) -> None:
    """Compare all means and best ones with the model's: at every *every*-th observation, and at the end."""
    windows, plain = StepWindows(), PlainWindows()
    for count, (step, value) in enumerate(observed, 1):
        windows.observe(step, value)
        plain.observe(step, value)
        if count % every == 0:
            compare(windows, plain)
    compare(windows, plain)


def compare(windows: StepWindows, plain: PlainWindows) -> None:
    means, best = means_and_best(windows)
    assert {(width, lag): plain.mean(width, lag) for width, lag in means} == means
    assert plain.best == best


def random_losses(generator: random.Random) -> float:
    return generator.choice(
        [
            generator.uniform(0.1, 0.5),
            generator.uniform(0.1, 0.5),
            generator.lognormvariate(0, 5),
            -generator.random(),
            math.nan,
            math.inf,
            -math.inf,
            1e30,
            5e-324,
            1.7976931348623157e308,
        ]
    )


def random_steps(generator: random.Random, count: int) -> Iterable[int]:
    step = generator.randrange(1000)
    for _ in range(count):
        yield step
        step += generator.choice([1] * 30 + [0, 0, 0, 2, 3, 7, 40, -1, -5, -generator.randrange(600)])


@pytest.mark.parametrize("seed", range(8))
def test_random_steps_and_values(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - a test's
    steps = random_steps(generator, 1200)
    check([(step, random_losses(generator)) for step in steps], every=13)


losses = st.one_of(
    st.floats(0, 10),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e30, -1e30, 5e-324, 0.0, -0.0, 1.7976931348623157e308]),
)
strides = st.one_of(st.sampled_from([1, 0, 1, -1, 40, 99, 100, 101, 399, 400, 401]), st.integers(-1000, 1000))
bursts = st.lists(st.tuples(strides, st.integers(1, 120), st.lists(losses, min_size=1, max_size=12)), min_size=1)
"""Stretches of a run: how far each observation moves the step, how many there are, and their values, in a circle."""


@settings(max_examples=80)
@given(bursts=bursts, start=st.integers(-10, 10**6))
@example(bursts=[(1, 120, [0.2]), (-60, 1, [9.0]), (1, 120, [0.3, math.nan])], start=0)
@example(bursts=[(40, 12, [0.2, 0.3]), (-1, 2, [0.4])], start=0)
@example(bursts=[(1, 120, [0.2]), (1, 120, [1.7976931348623157e308])], start=0)
def test_any_steps_and_values(bursts: list[tuple[int, int, list[float]]], start: int) -> None:
    observed, step = [], start
    for stride, count, values in bursts:
        for value in islice(cycle(values), count):
            observed.append((step, value))
            step += stride
    check(observed, every=37)


def test_one_observation_every_40_steps() -> None:
    check([(step, 1 / (step + 1)) for step in range(0, 4000, 40)], every=1)


def test_there_are_no_means_before_the_first_observation() -> None:
    assert StepWindows().snapshot() is None


def test_a_mean_exists_once_its_window_is_complete() -> None:
    windows = StepWindows()
    whole: dict[tuple[int, int], int] = {}
    for step in range(1, 402):
        windows.observe(step, 0.5)
        for window, mean in means_and_best(windows)[0].items():
            if mean is not None:
                whole.setdefault(window, step)

    assert whole == {(10, 0): 10, (10, 10): 20, (100, 0): 100, (100, 10): 110, (100, 100): 200} | {
        (100, 200): 300,
        (100, 300): 400,
    }


def test_the_best_mean_excludes_the_newest_window() -> None:
    windows = StepWindows()
    for step in range(10):
        windows.observe(step, 1.0)
    assert means_and_best(windows)[1] == {}

    windows.observe(10, 0.0)
    assert means_and_best(windows)[1] == {10: 1.0}

    windows.observe(11, 1.0)
    assert means_and_best(windows)[1] == {10: 0.9}


def test_values_at_one_step_are_averaged_and_count_as_one() -> None:
    windows = StepWindows()
    for step in range(10):
        windows.observe(step, 1.0)
    for value in (4.0, 5.0, 6.0):
        windows.observe(10, value)

    assert means_and_best(windows)[0][10, 0] == (9 * 1.0 + 5.0) / 10


def test_a_resume_discards_the_values_from_its_step_on() -> None:
    windows = StepWindows()
    for step in range(200):
        windows.observe(step, 1.0 if step < 150 else 1e6)
    for step in range(150, 160):
        windows.observe(step, 2.0)

    means, _ = means_and_best(windows)
    assert means[10, 0] == 2.0
    assert means[100, 0] == 1.1


def test_values_are_kept_for_400_steps() -> None:
    """After a resume from 150 steps back, 250 steps are left, so windows at higher lags are absent at first."""
    windows = StepWindows()
    for step in range(1000):
        windows.observe(step, 1.0)
    windows.observe(850, 1.0)
    assert [lag for (width, lag), mean in means_and_best(windows)[0].items() if width == 100 and mean] == [0, 10, 100]

    for step in range(851, 1000):
        windows.observe(step, 1.0)
    assert None not in means_and_best(windows)[0].values()


def test_a_spike_does_not_affect_later_means() -> None:
    windows = StepWindows()
    for step in range(400):
        windows.observe(step, 1e30 if step in (7, 40) else 0.1)

    means, best = means_and_best(windows)
    assert (means[10, 0], means[100, 0]) == (0.1, 0.1)
    assert best == {10: 0.1, 100: 0.1}


def test_nonfinite_values_are_excluded_from_the_means() -> None:
    windows = StepWindows()
    for step in range(100):
        windows.observe(step, (0.5, math.nan, math.inf, -math.inf)[step % 4])
    assert means_and_best(windows)[0][100, 0] == 0.5

    for step in range(100, 110):
        windows.observe(step, math.nan)
    assert means_and_best(windows)[0][10, 0] is None


def test_a_million_steps_in_bounded_memory() -> None:
    windows, sizes = StepWindows(), {}
    values = [random.Random(1).expovariate(5) for _ in range(997)]  # noqa: S311 - a test's
    for step in range(1_000_000):
        windows.observe(step, values[step % len(values)])
        if step in (10_000, 999_999):
            sizes[step] = len(pickle.dumps(windows))

    assert sizes[999_999] < 3 * sizes[10_000]
    newest = [values[step % len(values)] for step in range(1_000_000 - REMEMBERED_STEPS, 1_000_000)]
    means, _ = means_and_best(windows)
    assert means[100, 0] == mean_of(newest[-100:])
    assert means[100, 300] == mean_of(newest[:100])
