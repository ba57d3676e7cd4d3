"""Runs the checks of the chain from the run to the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter.doctor.chain import clocks, delivery, endpoints, ring, rules, versions
from vae_exporter.doctor.chain.servers import Servers
from vae_exporter.doctor.finding import Finding
from vae_exporter.stack.client import Alertmanager, AnswerError, Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = {
    versions.CHECK: versions.check,
    endpoints.CHECK: endpoints.check,
    rules.CHECK: rules.check,
    delivery.CHECK: delivery.check,
    clocks.CHECK: clocks.check,
}


def check_chain(prometheus_url: str, alertmanager_url: str, *, with_test_page: bool) -> Iterator[Finding]:
    """Run all checks, and yield their findings. *with_test_page* also sends a page.

    Raises:
        StackError: The rules of this version are missing.
    """
    servers = Servers(Prometheus(prometheus_url, timeout=10), Alertmanager(alertmanager_url, timeout=10))
    for name, check in {**CHECKS, **({ring.CHECK: ring.check} if with_test_page else {})}.items():
        try:
            yield from check(servers)
        except AnswerError as error:
            yield Finding(name, "ask the server", str(error), "an answer", passed=False)
