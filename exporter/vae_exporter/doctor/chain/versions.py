"""Reports the versions of the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter._version import __version__
from vae_exporter.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "versions"


def check(servers: Servers) -> Iterator[Finding]:
    """Yield the version of this package and of each server."""
    yield Finding(CHECK, "vae-exporter", __version__)
    yield Finding(CHECK, f"Prometheus at {servers.prometheus.url}", servers.prometheus.version())
    yield Finding(CHECK, f"Alertmanager at {servers.alertmanager.url}", servers.alertmanager.version())
