"""Scrapes a port until nothing listens there any more, as Prometheus does."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from deadline import wait_until
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

_AS_PROMETHEUS = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}


class ScrapedPort:
    """The scrapes of one port of this machine."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.number = int(probe.getsockname()[1])
        self.texts: list[str] = []

    def value(self, name: str, *, scrape: int = -1, **labels: str) -> float | None:
        """Return a value in the last scrape, or in the one with another index. None means that it is absent."""
        samples = [one for family in text_string_to_metric_families(self.texts[scrape]) for one in family.samples]
        found = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
        assert len(found) <= 1, f"{name}{labels} is {len(found)} series"
        return found[0] if found else None

    def states(self) -> set[str]:
        """Return all states in which the run was scraped."""
        return {
            one.labels["state"]
            for text in self.texts
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if one.name == "vae_run_state" and one.value == 1
        }

    def wait_for_scrape(self) -> None:
        """Wait for a scrape that begins from now on: a run waits at its end only for those who have scraped it."""
        before = len(self.texts)
        wait_until(lambda: len(self.texts) > before, "a scrape")

    def scrape(self) -> None:
        """Scrape once, if anything listens."""
        try:
            request = Request(f"http://127.0.0.1:{self.number}/metrics", headers=_AS_PROMETHEUS)
            with urlopen(request, timeout=5) as answer:
                self.texts.append(answer.read().decode())
        except OSError:
            pass


@contextmanager
def scraped_port() -> Iterator[ScrapedPort]:
    """Yield a free port that is scraped in the background while the block runs."""
    port = ScrapedPort()
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.02):
            port.scrape()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        stop.set()
        thread.join()
