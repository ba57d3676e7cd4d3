"""Checks that Prometheus has the metrics of a run, and that the exporters answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vae_exporter._version import __version__
from vae_exporter.doctor.finding import Finding
from vae_exporter.doctor.metrics import scrape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "runs"

JOB = "vae-training"


def check(servers: Servers) -> Iterator[Finding]:
    """Yield a finding for the targets, and one for each exporter that Prometheus scrapes or that pushes to it."""
    targets = [target for target in servers.prometheus.targets() if target["scrapePool"] == JOB]
    found = [target for target in targets if target["health"] == "up"]
    pushed = _pushed(servers, {target["labels"]["instance"] for target in targets})
    figure = f"{len(found)} of {len(targets)} targets are up" + (f"; {len(pushed)} pushing" if pushed else "")
    expected = "at least 1; an unused port is down"
    what = f"targets of {JOB} at {servers.prometheus.url}"
    yield Finding(CHECK, what, figure, expected, passed=bool(found or pushed))
    for target in found:
        yield _scraped(target)
    for instance, exporters in pushed.items():
        yield _exporter(instance, exporters)


def _pushed(servers: Servers, scraped: set[str]) -> Mapping[str, list[Mapping[str, str]]]:
    """Return the labels of the exporters whose instance is none of the *scraped* ones, by instance."""
    pushed: dict[str, list[Mapping[str, str]]] = {}
    for series in servers.prometheus.query(f'vae_exporter_build_info{{job="{JOB}"}}'):
        if series.labels["instance"] not in scraped:
            pushed.setdefault(series.labels["instance"], []).append(series.labels)
    return pushed


def _scraped(target: dict[str, Any]) -> Finding:
    url = str(target["scrapeUrl"])
    try:
        samples = scrape(f"http://{urlsplit(url).netloc}").of("vae_exporter_build_info")
    except (OSError, ValueError) as error:
        return Finding(CHECK, url, f"Prometheus scrapes it, this machine cannot: {error}", "an answer")
    return _exporter(url, [sample.labels for sample in samples])


def _exporter(where: str, exporters: Iterable[Mapping[str, str]]) -> Finding:
    """Compare the version of the *exporters*, which are the labels of their build, with this one."""
    versions = {labels["version"] for labels in exporters}
    runs = ", ".join(sorted({f"run {labels['run']} rank {labels['rank']}" for labels in exporters}))
    figure = f"{runs}, vae-exporter {', '.join(versions)}" if versions else "no vae_exporter_build_info"
    return Finding(CHECK, where, figure, f"vae-exporter {__version__}", passed=versions == {__version__})
