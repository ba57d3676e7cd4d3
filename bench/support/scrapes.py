"""Time scrapes."""

from __future__ import annotations

import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

AS_PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2",
    "Accept-Encoding": "gzip",
}
"""The headers of Prometheus 3: the format is part of the cost."""


def time_scrapes(url: str, scrapes: int) -> list[float]:
    """Scrape *url* as Prometheus does, and return the milliseconds of each scrape."""
    durations = []
    for _ in range(scrapes):
        began = time.perf_counter()
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("GET", "/metrics", headers=AS_PROMETHEUS)
        connection.getresponse().read()
        connection.close()
        durations.append((time.perf_counter() - began) * 1e3)
    return durations
