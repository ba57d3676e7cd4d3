"""Whom the end of a run waits for."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from vae_exporter._serve.scrapers import RECENT_SECONDS, Scrapers


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
        come(scrapers, "prometheus")
        assert scrapers.wait(end, 0, is_expected=True)

    def test_who_came_before_the_end_is_missing_until_they_come_again(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers, "prometheus")
        clock.now += 15
        end = scrapers.now()
        assert not scrapers.wait(end, 0)
        clock.now += 1
        come(scrapers, "prometheus")
        assert scrapers.wait(end, 0)

    def test_each_has_to_come(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers, "prometheus")
        come(scrapers, "victoria")
        clock.now += 15
        end = scrapers.now()
        come(scrapers, "prometheus")
        assert not scrapers.wait(end, 0)
        come(scrapers, "victoria")
        assert scrapers.wait(end, 0)

    def test_a_scrape_that_began_before_the_end_may_have_missed_it(self, scrapers: Scrapers, clock: Clock) -> None:
        began = scrapers.came("prometheus")
        clock.now += 1
        end = scrapers.now()
        assert not scrapers.wait(end, 0)
        scrapers.served("prometheus", began)
        assert not scrapers.wait(end, 0)

    def test_who_was_not_seen_for_long_is_not_waited_for(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers, "someone's curl")
        clock.now += RECENT_SECONDS
        assert scrapers.wait(scrapers.now(), 0)

    def test_the_wait_ends_when_the_last_one_came(self, scrapers: Scrapers, clock: Clock) -> None:
        come(scrapers, "prometheus")
        clock.now += 15
        end, came = scrapers.now(), []
        waiting = threading.Thread(target=lambda: came.append(scrapers.wait(end, 60)), daemon=True)
        waiting.start()
        come(scrapers, "prometheus")
        waiting.join(10)
        assert came == [True]


def come(scrapers: Scrapers, scraper: str) -> None:
    scrapers.served(scraper, scrapers.came(scraper))
