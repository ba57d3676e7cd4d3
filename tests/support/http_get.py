"""GET over real HTTP, as a scraper or a browser does it."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from http.client import HTTPMessage


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


SCRAPER = {"X_Prometheus_Scrape_Timeout_Seconds": "10"}
"""The header by which a scrape differs from a person's request."""


def get(url: str, **headers: str) -> Answer:
    """GET *url*. Underscores in header names become hyphens.

    Raises:
        OSError: If nothing listens there.
    """
    parts = urlsplit(url)
    assert parts.hostname
    connection = HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request("GET", parts.path or "/", headers={k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()
