"""Whom the end of a run waits for."""

from __future__ import annotations

import pickle
import random
import threading
from dataclasses import dataclass

import pytest

from vae_exporter._serve.scrapers import RECENT_SECONDS, Scrapers, scrapes_in_an_interval


@dataclass
class Clock:
    now: float = 10_000.0

    def __call__(self) -> float:
        return self.now


class TestScrapers:
    """Whom the end of a run waits for. A wait of 0 s says at once whether anyone is missing."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def scrapers(self, clock: Clock) -> Scrapers:
        return Scrapers(clock)

    def test_nobody_came_and_nobody_is_missing(self, scrapers: Scrapers) -> None:
        assert scrapers.wait(scrapers.now(), 0)

    def test_where_one_is_expected_the_first_is_missing_until_it_comes(self, scrapers: Scrapers) -> None:
        end = scrapers.now()
        assert not scrapers.wait(end, 0, is_expected=True)
        come(scrapers)
        assert scrapers.wait(end, 0, is_expected=True)

    def test_who_came_before_the_end_is_missing_until_they_come_again(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers)
        clock.now += 15
        end = scrapers.now()
        assert not scrapers.wait(end, 0)
        clock.now += 1
        come(scrapers)
        assert scrapers.wait(end, 0)

    def test_as_many_have_to_come_as_come_in_an_interval(self, scrapers: Scrapers, clock: Clock) -> None:
        for gap in (4, 11, 4, 11):
            come(scrapers)
            clock.now += gap
        end = scrapers.now()
        assert scrapers.missing(end) == 2
        come(scrapers)
        assert scrapers.missing(end) == 1
        come(scrapers)
        assert scrapers.wait(end, 0)

    def test_a_scrape_that_began_before_the_end_may_have_missed_it(self, scrapers: Scrapers, clock: Clock) -> None:
        began = scrapers.came(10)
        clock.now += 1
        end = scrapers.now()
        scrapers.served(began)
        assert not scrapers.wait(end, 0)

    def test_an_answer_for_which_the_scraper_may_have_waited_too_long_does_not_count(
        self, scrapers: Scrapers, clock: Clock
    ) -> None:
        come(scrapers)
        clock.now += 15
        end = scrapers.now()
        began = scrapers.came(10)
        clock.now += 6
        scrapers.served(began)
        assert not scrapers.wait(end, 0)
        clock.now += 9
        come(scrapers)
        assert scrapers.wait(end, 0)

    def test_who_was_not_seen_for_long_is_not_waited_for(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers)
        clock.now += RECENT_SECONDS
        assert scrapers.wait(scrapers.now(), 0)

    def test_the_time_without_a_scrape(self, scrapers: Scrapers, clock: Clock) -> None:
        start = scrapers.now()
        clock.now += 10
        assert scrapers.seconds_without(start) == 10
        come(scrapers)
        clock.now += 2
        assert scrapers.seconds_without(start) == 2

    @pytest.mark.parametrize("what", ["come", "hurry"])
    def test_the_wait_ends_when_the_last_one_came_or_it_must(self, scrapers: Scrapers, clock: Clock, what: str) -> None:
        come(scrapers)
        clock.now += 15
        end, came = scrapers.now(), []
        waiting = threading.Thread(target=lambda: came.append(scrapers.wait(end, 60)), daemon=True)
        waiting.start()
        if what == "come":
            come(scrapers)
        else:
            scrapers.hurry()
        waiting.join(10)
        assert came == [what == "come"]

    def test_nothing_that_a_client_sends_is_kept(self, scrapers: Scrapers, clock: Clock) -> None:
        for _ in range(10_000):
            come(scrapers)
            clock.now += 0.01
        assert len(pickle.dumps({**vars(scrapers), "_monotonic": None, "_changed": None})) < 2_000


def come(scrapers: Scrapers) -> None:
    scrapers.served(scrapers.came(10))


@pytest.mark.parametrize(
    ("offsets", "interval", "timeout"),
    [
        ([0], 15, 10),
        ([0], 60, 10),
        ([0, 0.01], 15, 10),  # a pair with one configuration
        ([0, 4], 15, 10),
        ([0, 7.5], 15, 10),  # taken for one with half the interval, but that is shorter than its timeout
        ([0, 24], 60, 10),
        ([0, 3, 9], 15, 10),
        ([0, 4, 10], 15, 10),
        ([0, 0.04], 0.2, 0.2),
    ],
    ids=str,
)
@pytest.mark.parametrize("rounds", [3, 10])
def test_the_number_of_scrapers_is_that_of_the_scrapes_in_an_interval(
    offsets: list[float], interval: float, timeout: float, rounds: int
) -> None:
    noise = random.Random(7)  # noqa: S311 - no secret
    times = sorted(n * interval + offset + noise.gauss(0, 0.002) for n in range(rounds) for offset in offsets)
    assert scrapes_in_an_interval(times, timeout) == len(offsets)


def test_one_scrape_that_is_missing_does_not_make_two_scrapers() -> None:
    assert scrapes_in_an_interval([15.0 * n for n in range(12) if n != 5], 10) == 1


def test_scrapes_without_a_rhythm_count_as_many_as_come_within_a_timeout() -> None:
    assert scrapes_in_an_interval([0, 1, 2, 3, 40, 95, 170, 171, 290], 10) == 4
