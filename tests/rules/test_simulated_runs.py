"""What the shipped rules report about whole runs, recorded and synthetic, on a simulated clock."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from recorded_runs import LOSS_WEIGHTS, Step, recorded_steps
from simulation import Expect, check_rules, scrape_run

from vae_exporter.judge.simulation import SCRAPE_SECONDS, Scrapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STEP_SECONDS = 3.0


def made_up(nll_at: Callable[[int], float], count: int, *, noise: float = 0.0) -> Iterator[Step]:
    """Yield *count* steps whose NLL follows *nll_at*, with normal *noise* relative to it."""
    generator = random.Random(0)  # noqa: S311 - the same noise each time
    for number in range(count):
        nll = nll_at(number) * (1 + noise * generator.gauss(0, 1))
        yield Step(number, STEP_SECONDS, {"nll": nll}, 1e-4)


def firing(alert: str, run: Scrapes, seconds: int, *, fires: bool) -> Expect:
    """Expect that *alert* fires for *run* at that time, or that it does not."""
    query = f'count(ALERTS{{alertname="{alert}",run="{run.run}",alertstate="firing"}})'
    return Expect(query, seconds, {"{}": 1} if fires else {})


def never_fired(alert: str, run: Scrapes) -> Expect:
    """Expect that *alert* fired at no evaluation of *run*."""
    query = f'count_over_time(ALERTS{{alertname="{alert}",run="{run.run}"}}[{run.end_seconds + SCRAPE_SECONDS}s])'
    return Expect(query, run.end_seconds, {})


def verdict(run: Scrapes, seconds: int, verdict: str, reason: str) -> Expect:
    """Expect this one verdict on *run* at that time."""
    labels = f'run:vae_verdict{{reason="{reason}",run="{run.run}",verdict="{verdict}"}}'
    return Expect(f'run:vae_verdict{{run="{run.run}"}}', seconds, {labels: 1})


@pytest.mark.parametrize(("name", "last"), [("good_run", 1520), ("bad_run", 840)])
def test_a_recorded_run_has_every_step_with_a_finite_nll(name: str, last: int) -> None:
    steps = list(recorded_steps(name))
    assert [step.number for step in steps] == list(range(last + 1))
    assert all(math.isfinite(step.losses["nll"]) for step in steps)


def test_the_recorded_bad_run_pages_once_between_steps_390_and_450(tmp_path: Path) -> None:
    run = scrape_run("bad", recorded_steps("bad_run"), loss_weights=LOSS_WEIGHTS)
    whole = f"[{run.end_seconds}s:{SCRAPE_SECONDS}s]"
    check_rules(
        tmp_path,
        [run],
        [
            firing("VaeNllDiverged", run, run.seconds_at(390), fires=False),
            firing("VaeNllDiverged", run, run.seconds_at(450), fires=True),
            # once: from 0 to 1, and back when the run was good again
            Expect(f"changes(run:vae_nll_diverged:bool{whole})", run.end_seconds, {'{run="bad"}': 2}),
            firing("VaeNllDiverged", run, run.end_seconds, fires=False),
            never_fired("VaeLossNonfinite", run),
        ],
    )


def test_the_recorded_good_run_never_pages_and_ends_excellent(tmp_path: Path) -> None:
    # Without weights: means of one part and medians of another do not add up.
    run = scrape_run("good", recorded_steps("good_run"))
    check_rules(
        tmp_path,
        [run],
        [
            never_fired("VaeNllDiverged", run),
            never_fired("VaeLossNonfinite", run),
            never_fired("VaeNllNeverGood", run),
            verdict(run, run.end_seconds, "healthy", "excellent"),
        ],
    )


def test_both_recorded_runs_at_once_are_judged_apart(tmp_path: Path) -> None:
    good = scrape_run("good", recorded_steps("good_run"))
    bad = scrape_run("bad", recorded_steps("bad_run"), loss_weights=LOSS_WEIGHTS)
    at = bad.seconds_at(500)
    check_rules(
        tmp_path,
        [good, bad],
        [
            verdict(bad, at, "stop", "VaeNllDiverged"),
            verdict(good, at, "healthy", "good"),
            never_fired("VaeNllDiverged", good),
        ],
    )


def test_the_recorded_bad_run_pages_with_the_part_that_it_fails_at(tmp_path: Path) -> None:
    run = scrape_run("bad", recorded_steps("bad_run"), loss_weights=LOSS_WEIGHTS)
    at = run.seconds_at(450)
    check_rules(
        tmp_path,
        [run],
        [
            Expect("run:vae_nll_rise_cause", at, {'run:vae_nll_rise_cause{cause="rec",run="bad"}': 1}),
            firing("VaeNllSuspicious", run, run.seconds_at(100), fires=True),  # it started at 0.07
            firing("VaeNllRising", run, run.seconds_at(380), fires=False),
            firing("VaeNllRising", run, at, fires=True),
        ],
    )


@pytest.mark.parametrize(("level", "noise"), [(0.28, 0.6), (0.32, 0.2), (0.32, 0.4), (0.32, 0.6), (0.2, 0.75)])
def test_a_run_that_hovers_pages_nobody_however_noisy_it_is(tmp_path: Path, level: float, noise: float) -> None:
    run = scrape_run("hovers", made_up(lambda _: level, 3000, noise=noise))
    check_rules(tmp_path, [run], [never_fired("VaeNllDiverged", run), never_fired("VaeNllRising", run)])


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.18), (0.8, 0.22)])
def test_a_run_that_converges_slowly_pages_nobody(tmp_path: Path, start: float, end: float) -> None:
    def falls(step: int) -> float:
        return end + (start - end) * math.exp(-step / 1500)

    # 0.6 of each step: a mean over 40 steps varies by 9 %, as in the recorded runs
    run = scrape_run("slow", made_up(falls, 4000, noise=0.6))
    check_rules(tmp_path, [run], [never_fired("VaeNllDiverged", run)])


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_run_that_starts_at_8_and_drops_converges_in_silence(tmp_path: Path, noise: float) -> None:
    def drops(step: int) -> float:
        return 0.15 + 7.85 * math.exp(-step / 250)

    run = scrape_run("drops", made_up(drops, 2500, noise=noise))
    check_rules(
        tmp_path,
        [run],
        [
            never_fired("VaeNllDiverged", run),
            never_fired("VaeNllNeverGood", run),
            verdict(run, run.seconds_at(120), "converging", "converging"),
            verdict(run, run.seconds_at(600), "converging", "converging"),
            verdict(run, run.end_seconds, "healthy", "excellent"),
        ],
    )


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_run_that_stays_at_8_gets_a_ticket_and_no_page(tmp_path: Path, noise: float) -> None:
    run = scrape_run("plateau", made_up(lambda _: 8.0, 2500, noise=noise))
    check_rules(
        tmp_path,
        [run],
        [
            never_fired("VaeNllDiverged", run),
            firing("VaeNllNeverGood", run, run.seconds_at(1990), fires=False),
            firing("VaeNllNeverGood", run, run.seconds_at(2010), fires=True),
        ],
    )


def test_a_run_that_drifts_from_good_to_bad_and_stays_there_pages(tmp_path: Path) -> None:
    def drifts(step: int) -> float:
        return 0.22 + 0.11 * min(1.0, max(0.0, (step - 1000) / 1500))

    run = scrape_run("drifts", made_up(drifts, 3200, noise=0.3))
    check_rules(
        tmp_path,
        [run],
        [
            firing("VaeNllDiverged", run, run.seconds_at(2000), fires=False),
            firing("VaeNllDiverged", run, run.seconds_at(3100), fires=True),
        ],
    )


def test_a_run_that_reports_every_50th_step_pages_when_it_diverges(tmp_path: Path) -> None:
    steps = (step for step in made_up(lambda step: 0.15 if step < 1000 else 0.6, 1400) if step.number % 50 == 0)
    sparse = [Step(step.number, 50 * STEP_SECONDS, step.losses, step.learning_rate) for step in steps]
    run = scrape_run("sparse", sparse)
    check_rules(
        tmp_path,
        [run],
        [
            firing("VaeNllDiverged", run, run.seconds_at(950), fires=False),
            firing("VaeNllDiverged", run, run.seconds_at(1150), fires=True),
        ],
    )


@pytest.mark.parametrize("every", [1, 10, 20, 50, 100])
def test_one_outlier_pages_nobody_however_rarely_a_run_reports(tmp_path: Path, every: int) -> None:
    steps = made_up(lambda step: 5.0 if step == 1000 else 0.15, 1600)
    reported = (
        Step(step.number, every * STEP_SECONDS, step.losses, step.learning_rate)
        for step in steps
        if step.number % every == 0
    )
    run = scrape_run("outlier", reported)
    check_rules(
        tmp_path, [run], [never_fired("VaeNllDiverged", run), verdict(run, run.end_seconds, "healthy", "excellent")]
    )
