"""Whole runs, recorded and made up, on a simulated clock: what the shipped rules say of them, and when.

All runs are judged in one evaluation, as a Prometheus that watches them all would do it: one apart for each of them
takes five times as long.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from recorded_runs import LOSS_WEIGHTS, Step, recorded_steps
from simulation import JudgedRun, judge, scrape_run

from vae_exporter.judge.simulation import SCRAPE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vae_exporter.judge.simulation import Scrapes

pytestmark = pytest.mark.timeout(600)  # the first test waits for the evaluation of all runs

STEP_SECONDS = 0.75

HOVERING = [(0.28, 0.6), (0.32, 0.2), (0.32, 0.4), (0.32, 0.6), (0.2, 0.75)]
"""Levels, and the noise as a share of it."""

SLOW = [(0.5, 0.18), (0.8, 0.22)]
"""Starts and ends."""

NOISES = [0.0, 0.2]

EVERY = [1, 10, 20, 50, 100]

SPARSE = 100
"""Steps from one value to the next with which a long window is 10,000 steps."""


def made_up(nll_at: Callable[[int], float], count: int, *, noise: float = 0.0) -> Iterator[Step]:
    """Yield *count* steps whose NLL follows *nll_at*, with normal noise of that share of it."""
    generator = random.Random(0)  # noqa: S311 - the same noise each time
    for number in range(count):
        nll = nll_at(number) * (1 + noise * generator.gauss(0, 1))
        yield Step(number, STEP_SECONDS, {"nll": nll}, 1e-4)


def reported(steps: Iterator[Step], *, every: int) -> Iterator[Step]:
    """Yield each *every*-th of *steps*, which takes as long as all since the last."""
    for step in steps:
        if step.number % every == 0:
            yield Step(step.number, every * step.seconds, step.losses, step.learning_rate)


def falls(start: float, end: float, *, within: float) -> Callable[[int], float]:
    """Return a course that falls from *start* to *end*: two thirds of the way *within* so many steps."""
    return lambda step: end + (start - end) * math.exp(-step / within)


def drifts(step: int) -> float:
    return 0.22 + 0.11 * min(1.0, max(0.0, (step - 1000) / 1500))


def runs() -> Iterator[Scrapes]:
    """Yield all runs of this file."""
    yield scrape_run("bad", recorded_steps("bad_run"), loss_weights=LOSS_WEIGHTS)
    # Without the weights: means of one part and medians of another add up to nothing.
    yield scrape_run("good", recorded_steps("good_run"))
    for level, noise in HOVERING:
        yield scrape_run(f"hovers {level} {noise}", made_up(lambda _, level=level: level, 3000, noise=noise))  # type: ignore[misc]
    for start, end in SLOW:
        # 0.6 of each step: a mean over 40 steps varies by 9 %, as in the recorded runs
        yield scrape_run(f"slow {start} {end}", made_up(falls(start, end, within=1500), 4000, noise=0.6))
    for noise in NOISES:
        yield scrape_run(f"drops {noise}", made_up(falls(8.0, 0.15, within=250), 2500, noise=noise))
        yield scrape_run(f"plateau {noise}", made_up(lambda _: 8.0, 2500, noise=noise))
    yield scrape_run("drifts", made_up(drifts, 3200, noise=0.3))
    yield scrape_run("sparse", reported(made_up(lambda step: 0.15 if step < 4000 else 0.6, 6000), every=50))
    for every in EVERY:
        outlier = made_up(lambda step: 5.0 if step == 1000 else 0.15, 2600)
        yield scrape_run(f"outlier {every}", reported(outlier, every=every))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JudgedRun]:
    """All runs, judged."""
    return judge(tmp_path_factory.mktemp("judged"), list(runs()))


@pytest.mark.parametrize(("name", "last"), [("good_run", 1520), ("bad_run", 840)])
def test_a_recorded_run_has_every_step_with_a_finite_nll(name: str, last: int) -> None:
    steps = list(recorded_steps(name))
    assert [step.number for step in steps] == list(range(last + 1))
    assert all(math.isfinite(step.losses["nll"]) for step in steps)


def test_the_recorded_bad_run_pages_once_between_steps_390_and_450(judged: dict[str, JudgedRun]) -> None:
    run = judged["bad"]
    assert not run.fires("VaeNllDiverged", step=390)
    assert run.fires("VaeNllDiverged", step=450)
    assert run.changes("run:vae_nll_diverged:bool") == 1  # once: it ends before it has been good for three windows
    assert not run.ever_rang("VaeLossNonfinite")


def test_the_recorded_good_run_never_pages_and_ends_excellent(judged: dict[str, JudgedRun]) -> None:
    run = judged["good"]
    assert not run.ever_rang("VaeNllDiverged")
    assert not run.ever_rang("VaeLossNonfinite")
    assert not run.ever_rang("VaeBandsUnfit")
    assert run.verdict() == ("healthy", "excellent")


def test_both_recorded_runs_at_once_are_judged_apart(judged: dict[str, JudgedRun]) -> None:
    bad, good = judged["bad"], judged["good"]
    at_that_time = good.scrapes.steps[bad.scrapes.seconds_at(500) // SCRAPE_SECONDS]
    assert bad.verdict(step=500) == ("stop", "VaeNllDiverged")
    assert good.verdict(step=at_that_time) == ("healthy", "good")
    assert not good.ever_rang("VaeNllDiverged")


def test_the_recorded_bad_run_pages_for_what_it_fails_at(judged: dict[str, JudgedRun]) -> None:
    run = judged["bad"]
    assert run.samples("run:vae_nll_rise_cause", step=450) == [({"cause": "rec", "run": "bad"}, 1)]
    assert not run.ever_rang("VaeNllSuspicious")  # its first value is 0.07, the mean of its first ten 0.23
    assert not run.fires("VaeNllRising", step=380)
    assert run.fires("VaeNllRising", step=480)


@pytest.mark.parametrize(("level", "noise"), HOVERING)
def test_a_run_that_hovers_pages_nobody_however_noisy_it_is(
    judged: dict[str, JudgedRun], level: float, noise: float
) -> None:
    run = judged[f"hovers {level} {noise}"]
    assert not run.ever_rang("VaeNllDiverged")
    assert not run.ever_rang("VaeNllRising")


@pytest.mark.parametrize(("start", "end"), SLOW)
def test_a_run_that_converges_slowly_pages_nobody(judged: dict[str, JudgedRun], start: float, end: float) -> None:
    assert not judged[f"slow {start} {end}"].ever_rang("VaeNllDiverged")


@pytest.mark.parametrize("noise", NOISES)
def test_a_run_that_starts_at_8_and_drops_converges_in_silence(judged: dict[str, JudgedRun], noise: float) -> None:
    run = judged[f"drops {noise}"]
    assert not run.ever_rang("VaeNllDiverged")
    assert not run.ever_rang("VaeBandsUnfit")
    assert run.verdict(step=120) == ("converging", "converging")
    assert run.verdict(step=600) == ("converging", "converging")
    assert run.verdict() == ("healthy", "excellent")


@pytest.mark.parametrize("noise", NOISES)
def test_a_run_that_stays_at_8_gets_a_ticket_and_no_page(judged: dict[str, JudgedRun], noise: float) -> None:
    run = judged[f"plateau {noise}"]
    assert not run.ever_rang("VaeNllDiverged")
    assert not run.fires("VaeBandsUnfit", step=290)
    assert run.fires("VaeBandsUnfit", step=320)  # it has held a level that an untrained model on this scale is below


def test_a_run_that_drifts_from_good_to_bad_and_stays_there_pages(judged: dict[str, JudgedRun]) -> None:
    run = judged["drifts"]
    assert not run.fires("VaeNllDiverged", step=2000)
    assert run.fires("VaeNllDiverged", step=3100)


def test_a_run_that_reports_every_50th_step_pages_when_it_diverges(judged: dict[str, JudgedRun]) -> None:
    run = judged["sparse"]
    assert not run.fires("VaeNllDiverged", step=3950)
    assert run.fires("VaeNllDiverged", step=5050)  # within a long window, which is 1,000 steps


@pytest.mark.parametrize("every", EVERY)
def test_one_outlier_pages_nobody_however_rarely_a_run_reports(judged: dict[str, JudgedRun], every: int) -> None:
    run = judged[f"outlier {every}"]
    assert not run.ever_rang("VaeNllDiverged")
    assert run.verdict() == (("watch", "VaeLossSparse") if every == SPARSE else ("healthy", "excellent"))
