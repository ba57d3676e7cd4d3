"""Scrape an exporter as Prometheus does, and read the samples."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from vae_exporter.errors import DoctorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client.samples import Sample

TIMEOUT_SECONDS = 30.0

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape."""

    samples: tuple[Sample, ...]

    def of(self, name: str, **labels: str) -> list[Sample]:
        """Return the samples of the series *name* that have these *labels*, and possibly more."""
        return [sample for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the value of the first sample of `of`, or None."""
        found = self.of(name, **labels)
        return found[0].value if found else None

    def total(self, name: str) -> float:
        """Return the sum over all series *name*."""
        return sum(sample.value for sample in self.of(name))


def scrape_text(url: str) -> bytes:
    """Return the metrics of the exporter at *url*."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    finally:
        connection.close()


def scrape(url: str) -> Scrape:
    """Scrape the exporter at *url*."""
    families = text_string_to_metric_families(scrape_text(url).decode())
    return Scrape(tuple(sample for family in families for sample in family.samples))


def wait_for(url: str, what: str, condition: Callable[[Scrape], bool], seconds: float = TIMEOUT_SECONDS) -> Scrape:
    """Scrape the exporter at *url* until *condition* holds, and return that scrape.

    Raises:
        DoctorError: If it does not hold within *seconds*. The message names *what* was awaited.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = scrape(url)
        if condition(found):
            return found
        time.sleep(_POLL_SECONDS)
    raise DoctorError(f"the exporter did not show {what} within {seconds:.0f} s")


def next_reading(url: str, gpu: str) -> Scrape:
    """Return the first scrape with a newer reading of the device *gpu*."""
    name = "vae_gpu_sample_timestamp_seconds"
    before = scrape(url).value(name, gpu=gpu) or 0
    return wait_for(url, f"a new reading of {gpu}", lambda found: (found.value(name, gpu=gpu) or 0) > before)
