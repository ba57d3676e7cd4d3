"""Test the scrapes of simulated runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.judge.logs.repair.means import Stretch
from vae_exporter.judge.simulation import (
    MAX_SCRAPES,
    STEPS_A_SCRAPE,
    Scrape,
    Scrapes,
    simulate,
    steps_of,
    thinned,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vae_exporter._process.settings import RunSettings


def each_step(count: int, *, spike_at: int = -1, nan_at: int = -1) -> Iterator[Stretch]:
    for step in range(count):
        nll = 9.0 if spike_at <= step < spike_at + 20 else float("nan") if step == nan_at else 0.15
        yield Stretch(step, step, {"nll": nll})


def window_means(scrapes: Scrapes, window: str = "short") -> list[float]:
    return [
        value
        for scrape in scrapes.scrapes
        for name, value in scrape.samples.items()
        if name.startswith("vae_loss_window_mean") and 'lag="0",' in name and f'window="{window}"' in name
    ]


def test_a_short_run_is_scraped_every_few_steps_and_at_its_end(make_settings: Callable[..., RunSettings]) -> None:
    assert simulate(make_settings(), each_step(43)).steps == [0, 10, 20, 30, 40, 42]


@pytest.mark.parametrize("count", [3000, 20_000, 60_000])
def test_the_number_of_scrapes_is_bounded(make_settings: Callable[..., RunSettings], count: int) -> None:
    stretches = (Stretch(step - 99, step, {"nll": 0.15}) for step in range(99, count, 100))
    scrapes = simulate(make_settings(), stretches)
    assert min(MAX_SCRAPES // 4, count // STEPS_A_SCRAPE // 2) < len(scrapes) <= MAX_SCRAPES + 50
    assert scrapes.steps == sorted(scrapes.steps)
    assert scrapes.steps[-1] == count - 1


def test_a_spike_between_two_scrapes_of_a_long_run_is_scraped_at_its_peak(
    make_settings: Callable[..., RunSettings],
) -> None:
    scrapes = simulate(make_settings(), each_step(12_000, spike_at=10_003))
    assert max(window_means(scrapes)) > 8


def test_a_loss_that_becomes_nan_is_scraped_immediately(make_settings: Callable[..., RunSettings]) -> None:
    assert 9_001 in simulate(make_settings(), each_step(9_500, nan_at=9_001)).steps


def test_the_end_of_a_log_is_exported_as_finished(make_settings: Callable[..., RunSettings]) -> None:
    last = simulate(make_settings(), each_step(10)).scrapes[-1].samples
    assert [value for name, value in last.items() if 'state="finished"' in name] == [1]


def test_thinning_keeps_every_second_scrape_the_highest_peaks_and_the_kept_scrapes() -> None:
    scrapes = [
        Scrape(0, {}),
        Scrape(3, {}, peak=0.5),
        Scrape(5, {}),
        Scrape(7, {}, is_kept=True),
        Scrape(8, {}, peak=0.4),
    ]
    assert [scrape.step for scrape in thinned([*scrapes, Scrape(10, {}), Scrape(12, {}, peak=1), Scrape(15, {})])] == [
        3,
        5,
        7,
        12,
        15,
    ]


def test_series_that_appear_late_or_disappear_are_written_in_promtools_notation() -> None:
    scrapes = Scrapes(
        "r", [Scrape(0, {"a{}": 1.0}), Scrape(1, {"a{}": 1.0, "b{}": 0.5}), Scrape(2, {"b{}": 0.25}), Scrape(3, {})]
    )
    assert dict(scrapes.series()) == {"a{}": "1.0 1.0 stale _", "b{}": "_ 0.5 0.25 stale"}


def test_a_timestamp_is_never_later_than_its_scrape() -> None:
    scrapes = Scrapes(
        "r", [Scrape(0, {"vae_x_timestamp_seconds{}": 0.0}), Scrape(1, {"vae_x_timestamp_seconds{}": 600.0})]
    )
    assert dict(scrapes.series()) == {"vae_x_timestamp_seconds{}": "0.0 15.0"}


@pytest.mark.parametrize(
    ("first", "last", "steps"),
    [(3, 3, [3]), (1, 9, [*range(1, 10)]), (1, 20, [5, 10, 15, 20]), (0, 12, [2, 7, 12])],
    ids=["one step", "short", "multiple of five", "remainder"],
)
def test_only_every_fifth_step_of_a_long_stretch_is_trained(first: int, last: int, steps: list[int]) -> None:
    found = list(steps_of(Stretch(first, last, {"nll": 1.0})))
    assert [step for step, _, _ in found] == steps
    assert [one for one in found if one[1]] == [(last, {"nll": 1.0}, last - first + 1)]


def test_a_nonfinite_loss_between_two_rows_is_one_step() -> None:
    stretch = Stretch(1, 20, {"nll": 1.0}, nonfinite={"nll": float("inf")})
    assert [values.get("nll") for _, values, _ in steps_of(stretch)] == [float("inf"), None, None, 1.0]
