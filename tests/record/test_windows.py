"""The window means, against a model that keeps every value in a plain list."""

from __future__ import annotations

import math
import pickle
import random
from itertools import cycle, islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vae_exporter._process.loss_definition import LossDefinition
from vae_exporter._record.mean import mean
from vae_exporter._record.series import StepSeries
from vae_exporter._record.training_values import TrainingValues
from vae_exporter._record.windows import JUDGED, LONG_LAGS, SHORT_LAGS, Windows

if TYPE_CHECKING:
    from collections.abc import Iterable

Observed = tuple[int, float]

Means = dict[tuple[str, str], float]


class PlainWindows:
    """A simple model of the windows of 100 and 10 steps of the judged NLL, with lists and loops."""

    def __init__(self) -> None:
        self.given: list[Observed] = []
        self.newest: int | None = None
        self.known_since = 0

    def observe(self, step: int, value: float) -> None:
        if self.newest is None:
            self.known_since = step
        elif step < self.newest:
            self.given = [(past, old) for past, old in self.given if past < step]
            self.known_since = min(self.known_since, step)
        self.newest = step
        self.given.append((step, value))

    def mean(self, width: int, lag: float) -> float | None:
        assert self.newest is not None
        newest = self.newest - round(lag * width)
        if newest - width + 1 < self.known_since:
            return None
        finite: dict[int, list[float]] = {}
        for step, value in reversed(self.given):
            if step <= newest - width:
                break
            if step <= newest and math.isfinite(value):
                finite.setdefault(step, []).insert(0, value)
        return mean([mean(values) for values in reversed(finite.values())]) if finite else None

    def means(self) -> Means:
        lags = [("long", 100, lag) for lag in LONG_LAGS[JUDGED]] + [("short", 10, lag) for lag in SHORT_LAGS]
        means = {(window, f"{lag:g}"): self.mean(width, lag) for window, width, lag in lags}
        return {key: mean for key, mean in means.items() if mean is not None}


def values() -> TrainingValues:
    return TrainingValues(LossDefinition(), window_steps=100)


def judged(windows: Windows) -> Means:
    return {(mean.window, mean.lag): mean.value for mean in windows.means() if mean.component == JUDGED}


def check(observed: Iterable[Observed], *, every: int) -> None:
    """Compare all means with those of the model: at every *every*-th observation, and at the end."""
    training, plain = values(), PlainWindows()
    for count, (step, value) in enumerate(observed, 1):
        training.record(step, {"nll": value})
        plain.observe(step, value)
        if count % every == 0:
            assert judged(training.windows()) == plain.means()
    assert judged(training.windows()) == plain.means()


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
strides = st.one_of(
    st.sampled_from([1, 0, 1, -1, 9, 10, 11, 40, 99, 100, 101, 599, 600, 601]), st.integers(-1000, 1000)
)
bursts = st.lists(
    st.tuples(strides, st.integers(1, 120), st.lists(losses, min_size=1, max_size=12)), min_size=1, max_size=20
)
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
    windows = values().windows()
    assert (list(windows.means()), windows.evidence(), list(windows.unexplained_ratios())) == ([], None, [])


def test_there_are_no_means_while_the_length_is_not_known() -> None:
    training = TrainingValues(LossDefinition())
    for step in range(3):
        training.record(step, {"nll": 0.5})
    assert (training.windows().long, list(training.windows().means())) == (None, [])


def test_a_mean_exists_once_its_window_is_complete() -> None:
    training, whole = values(), dict[tuple[str, str], int]()
    for step in range(1, 602):
        training.record(step, {"nll": 0.5})
        for window in judged(training.windows()):
            whole.setdefault(window, step)

    assert whole == {("short", "0"): 10, ("short", "1"): 20, ("long", "0"): 100, ("long", "0.1"): 110} | {
        ("long", str(lag)): 100 * (lag + 1) for lag in (1, 2, 3, 4, 5)
    }


def test_each_component_has_the_lags_that_the_rules_read() -> None:
    training = values()
    for step in range(700):
        training.record(step, {name: 0.5 for name in LONG_LAGS if name != JUDGED} | {"nll": 0.5})
    lags: dict[str, list[float]] = {}
    for one in training.windows().means():
        if one.window == "long":
            lags.setdefault(one.component, []).append(float(one.lag))
    assert lags == {component: list(lags) for component, lags in LONG_LAGS.items()}


def test_values_at_one_step_are_averaged_and_count_as_one() -> None:
    training = values()
    for step in range(10):
        training.record(step, {"nll": 1.0})
    for value in (4.0, 5.0, 6.0):
        training.record(10, {"nll": value})
    assert judged(training.windows())["short", "0"] == (9 * 1.0 + 5.0) / 10


def test_a_resume_discards_the_values_from_its_step_on() -> None:
    training = values()
    for step in range(200):
        training.record(step, {"nll": 1.0 if step < 150 else 1e6})
    for step in range(150, 160):
        training.record(step, {"nll": 2.0})
    means = judged(training.windows())
    assert (means["short", "0"], means["long", "0"]) == (2.0, 1.1)


def test_a_spike_does_not_affect_later_means() -> None:
    training = values()
    for step in range(400):
        training.record(step, {"nll": 1e30 if step in (7, 40) else 0.1})
    means = judged(training.windows())
    assert (means["short", "0"], means["long", "0"]) == (0.1, 0.1)


def test_nonfinite_values_are_excluded_from_the_means() -> None:
    training = values()
    for step in range(100):
        training.record(step, {"nll": (0.5, math.nan, math.inf, -math.inf)[step % 4]})
    assert judged(training.windows())["long", "0"] == 0.5

    for step in range(100, 110):
        training.record(step, {"nll": math.nan})
    assert ("short", "0") not in judged(training.windows())


class TestEvidence:
    def test_it_counts_the_values_of_the_newest_long_window(self) -> None:
        training = values()
        for step in range(0, 400, 5):
            training.record(step, {"nll": 0.5})
        evidence = training.windows().evidence()
        assert evidence is not None
        assert (evidence.values, evidence.standard_error) == (20, 0.0)

    def test_there_is_none_before_the_window_is_whole(self) -> None:
        training = values()
        for step in range(99):
            training.record(step, {"nll": 0.5})
        assert training.windows().evidence() is None

    def test_a_loss_that_drifts_within_the_window_has_a_larger_error_than_one_that_scatters(self) -> None:
        scattered, drifting = values(), values()
        for step in range(100):
            scattered.record(step, {"nll": 0.2 + 0.1 * (step % 2)})
            drifting.record(step, {"nll": 0.2 + 0.1 * (step // 50)})
        errors = [one.windows().evidence() for one in (scattered, drifting)]
        small, large = (error.standard_error for error in errors if error is not None)
        assert small is not None
        assert large is not None
        assert 0 < small < large / 2

    def test_values_whose_squares_exceed_a_float_have_no_error(self) -> None:
        training = values()
        for step in range(100):
            training.record(step, {"nll": 1e200 * (-1) ** step})
        evidence = training.windows().evidence()
        assert evidence is not None
        assert evidence.standard_error is None


def test_the_unexplained_share_has_one_value_for_each_long_window() -> None:
    training = TrainingValues(LossDefinition({"rec": 10, "perception": 1}), window_steps=100)
    for step in range(400):
        training.record(step, {"nll": 0.3 if step < 300 else 0.4, "rec": 0.02, "perception": 0.1})
    assert dict(training.windows().unexplained_ratios()) == pytest.approx({"0": 0.25, "1": 0, "2": 0, "3": 0})


def test_a_million_steps_in_bounded_memory() -> None:
    series, sizes = StepSeries(), {}
    losses = [random.Random(1).expovariate(5) for _ in range(997)]  # noqa: S311 - a test's
    for step in range(1_000_000):
        series.append(step, losses[step % len(losses)])
        if step in (10_000, 999_999):
            sizes[step] = len(pickle.dumps(series))
    assert sizes[999_999] < 3 * sizes[10_000]

    newest = [losses[step % len(losses)] for step in range(1_000_000 - 600, 1_000_000)]
    windows = Windows(100, {JUDGED: series}, (StepSeries(), StepSeries()))
    assert judged(windows)["long", "0"] == mean(newest[-100:])
    assert judged(windows)["long", "5"] == mean(newest[:100])
