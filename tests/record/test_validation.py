"""How the evaluations of a run compare with its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from simulated_training import Training

    from vae_exporter._record.facts import GapFacts


def train(training: Training, first: int, last: int, nll: float) -> None:
    for step in range(first, last + 1):
        training.recorder.observe(step, {"nll": nll})


def evaluate(training: Training, step: int, *batches: float) -> None:
    for batch in batches:
        training.recorder.observe(step, {"nll": batch}, split="validation")


def train_and_evaluate(training: Training, *rounds: tuple[float, float], first: int = 0) -> None:
    """Train 10 steps. Then, for each of *rounds*, train 100 steps at its first NLL, and evaluate at its second."""
    train(training, first, first + 9, rounds[0][0])
    for number, (nll, validation) in enumerate(rounds):
        last = first + 100 * number + 109
        train(training, last - 99, last, nll)
        evaluate(training, last, validation)


def gap(training: Training) -> GapFacts:
    found = training.facts.validation.gap
    assert found is not None
    return found


def test_the_gap_is_averaged_over_five_evaluations(training: Training) -> None:
    train_and_evaluate(training, *[(0.2, 0.22)] * 4, (0.2, 0.32))
    train(training, 510, 510, 0.2)
    assert gap(training).step == 509
    assert gap(training).nll == pytest.approx(0.24)
    assert gap(training).ratio == pytest.approx(1.2)


def test_fewer_than_five_evaluations_are_not_compared(training: Training) -> None:
    train_and_evaluate(training, *[(0.2, 0.22)] * 4)
    train(training, 410, 410, 0.2)
    assert training.facts.validation.gap is None


def test_an_evaluation_counts_when_it_is_over(training: Training) -> None:
    train_and_evaluate(training, *[(0.2, 0.2)] * 5)
    assert training.facts.validation.gap is None  # more batches may come
    evaluate(training, 509, 0.8)
    train(training, 510, 510, 0.2)
    assert gap(training).nll == pytest.approx((4 * 0.2 + 0.5) / 5)


def test_the_best_is_the_lowest_average_and_the_gap_then(training: Training) -> None:
    best, later = [(0.2, 0.2)] * 10, [(0.1, 0.3)] * 5
    train_and_evaluate(training, (0.5, 0.6), *best, *later)
    train(training, 1610, 1610, 0.1)
    found = gap(training)
    assert found.best_nll == pytest.approx(0.2)
    assert found.best_ratio == pytest.approx(1, abs=0.01)
    assert found.nll == pytest.approx(0.3)
    assert found.ratio == pytest.approx(3, abs=0.1)


def test_a_lower_average_by_chance_is_the_best_but_no_improvement(training: Training) -> None:
    early, late = [(0.2, 0.2), (0.2, 0.22)] * 5, [(0.1, 0.22), (0.1, 0.19)] * 5
    train_and_evaluate(training, *early, *late)
    train(training, 2010, 2010, 0.1)
    found = gap(training)
    assert found.best_nll == pytest.approx(0.202)
    assert found.best_ratio == pytest.approx(1.04, abs=0.01)


def test_a_run_that_converges_is_at_its_best(training: Training) -> None:
    train_and_evaluate(training, *((1 / number, 1.1 / number) for number in range(1, 9)))
    train(training, 810, 810, 0.1)
    assert gap(training).nll == gap(training).best_nll


def test_the_error_of_the_ratio_is_that_of_its_scatter(training: Training) -> None:
    train_and_evaluate(training, *((0.2, 0.2 + 0.01 * (number % 2)) for number in range(10)))
    train(training, 1010, 1010, 0.2)
    error = gap(training).standard_error
    assert error is not None
    assert 0.015 < error < 0.03  # ratios of 1 and 1.05, by turns


def test_an_evaluation_before_the_first_long_window_is_not_compared(training: Training) -> None:
    train(training, 0, 49, 0.2)
    evaluate(training, 49, 0.2)
    train_and_evaluate(training, *[(0.2, 0.22)] * 4, first=50)
    train(training, 460, 460, 0.2)
    assert training.facts.validation.gap is None


def test_evaluations_that_share_their_training_steps_count_once(training: Training) -> None:
    train_and_evaluate(training, (0.2, 0.2))
    for step in range(119, 209, 10):
        train(training, step - 9, step, 0.2)
        evaluate(training, step, 0.9)
    train(training, 200, 208, 0.2)
    assert training.facts.validation.gap is None


def test_the_reweighted_nll_is_compared_where_it_is_judged(training: Training) -> None:
    training.recorder.observe(0, {}, weights={"rec": 1, "perception": 1})
    for step in range(801):
        training.recorder.observe(step, {"nll": 0.12, "rec": 0.01, "perception": 0.1})
        if step % 150 == 149:
            training.recorder.observe(step, {"nll": 0.14, "rec": 0.02, "perception": 0.1}, split="validation")
    assert gap(training).ratio == pytest.approx(0.3 / 0.2)


def test_a_stage_forgets_the_best(training: Training) -> None:
    train_and_evaluate(training, *[(0.2, 0.2)] * 5)
    training.recorder.begin_stage(510)
    train_and_evaluate(training, *[(0.4, 0.5)] * 5, first=510)
    train(training, 1020, 1020, 0.4)
    assert gap(training).best_nll == pytest.approx(0.5)
