"""Checks that Prometheus has a target for a run, and that the exporters answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vae_exporter._version import __version__
from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.metrics import scrape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "runs"

JOB = "vae-training"


def check(servers: Servers) -> Iterator[Finding]:
    """Yield a finding for the targets, and one for each exporter that Prometheus scrapes."""
    targets = [target for target in servers.prometheus.targets() if target["scrapePool"] == JOB]
    found = [target for target in targets if target["health"] == "up"]
    figure = f"{len(found)} of {len(targets)} targets are up"
    expected = "at least 1; an unused port is down"
    yield Finding(CHECK, f"targets of {JOB} at {servers.prometheus.url}", figure, expected, passed=bool(found))
    for target in found:
        yield _exporter(target)


def _exporter(target: dict[str, Any]) -> Finding:
    url = str(target["scrapeUrl"])
    try:
        samples = scrape(f"http://{urlsplit(url).netloc}").of("vae_exporter_build_info")
    except (OSError, ValueError) as error:
        return Finding(CHECK, url, f"Prometheus scrapes it, this machine cannot: {error}", "an answer")
    versions = {sample.labels["version"] for sample in samples}
    runs = ", ".join(sorted({f"run {sample.labels['run']} rank {sample.labels['rank']}" for sample in samples}))
    figure = f"{runs}, vae-exporter {', '.join(versions)}" if samples else "no vae_exporter_build_info"
    return Finding(CHECK, url, figure, f"vae-exporter {__version__}", passed=versions == {__version__})
