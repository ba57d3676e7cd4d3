"""Run Prometheus, Alertmanager and the pager for the runs on this machine, as `vae-exporter watch` does."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from vae_exporter.errors import StackError
from vae_exporter.pager.receiver import receive
from vae_exporter.stack.client import Alertmanager, AnswerError, Prometheus
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.processes import PROMETHEUS_ADDRESS, check_free
from vae_exporter.stack.servers import ALERTMANAGER_ADDRESS, PAGER_URL, alertmanager, prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console


def port_of(address: str) -> int:
    """Return the port of *address*, which ends in ``:PORT``."""
    return int(address.rpartition(":")[2])


@dataclass(frozen=True)
class Ports:
    """The ports of the servers on this machine. The defaults are those of the shipped configuration."""

    prometheus: int = port_of(PROMETHEUS_ADDRESS)
    alertmanager: int = port_of(ALERTMANAGER_ADDRESS)
    pager: int = port_of(PAGER_URL)


def watch(
    folder: Path,
    console: Console,
    *,
    ports: Ports,
    alertmanager_config: Path | None = None,
    each_time: Callable[[Prometheus, Alertmanager], object],
) -> NoReturn:
    """Run all three with their data in *folder*, and print the notifications on *console*. Never returns.

    *alertmanager_config* replaces the shipped configuration. *each_time* is called after each check of the servers.

    Raises:
        StackError: One of them cannot start, or stops answering.
    """
    with ExitStack() as stack:
        check_free("the pager", ports.pager)
        stack.enter_context(receive(console, host="127.0.0.1", port=ports.pager, store=folder / "pager.jsonl"))
        alertmanager_url = stack.enter_context(
            alertmanager(
                folder,
                pager_url=f"http://127.0.0.1:{ports.pager}",
                config_file=alertmanager_config,
                port=ports.alertmanager,
            )
        )
        prometheus_url = stack.enter_context(
            prometheus(
                folder,
                targets=None,
                targets_folder=stack_folder() / "prometheus" / "targets",
                alertmanager_url=alertmanager_url,
                port=ports.prometheus,
            )
        )
        console.print(f"Prometheus: {prometheus_url}, Alertmanager: {alertmanager_url}, data: {folder}")
        servers = Prometheus(prometheus_url), Alertmanager(alertmanager_url)
        wait_for_death(servers, each_time=lambda: each_time(*servers))


def wait_for_death(
    servers: Sequence[Prometheus | Alertmanager], *, every: float = 5.0, each_time: Callable[[], object]
) -> NoReturn:
    """Check every *every* seconds that each of *servers* answers, then call *each_time*. Never returns.

    Raises:
        StackError: One of them stops answering.
    """
    while True:
        for server in servers:
            try:
                server.check_health()
            except OSError as error:
                raise StackError(
                    f"{server.name} at {server.url} no longer answers ({error}), so no run is monitored; see its log "
                    "in the data folder, and restart `vae-exporter watch`"
                ) from error
        with suppress(AnswerError):  # a busy server is queried again, and one that has died fails the check
            each_time()
        time.sleep(every)
