"""Run Prometheus, Alertmanager and the pager for the runs on this machine, as `vae-exporter watch` does."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

from vae_exporter.errors import StackError
from vae_exporter.pager.receiver import receive
from vae_exporter.stack.client import Alertmanager, Prometheus
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.processes import PROMETHEUS_ADDRESS, check_free
from vae_exporter.stack.servers import ALERTMANAGER_ADDRESS, PAGER_URL, alertmanager, prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console


def watch(folder: Path, console: Console) -> NoReturn:
    """Run all three with their data in *folder*, and print the notifications on *console*. Never returns.

    Raises:
        StackError: One of them cannot start, or stops answering.
    """
    with ExitStack() as stack:
        pager_port = _port(PAGER_URL)
        check_free("the pager", pager_port)
        stack.enter_context(receive(console, host="127.0.0.1", port=pager_port, store=folder / "pager.jsonl"))
        alertmanager_url = stack.enter_context(
            alertmanager(folder, pager_url=PAGER_URL, port=_port(ALERTMANAGER_ADDRESS))
        )
        prometheus_url = stack.enter_context(
            prometheus(
                folder,
                targets=None,
                targets_folder=stack_folder() / "prometheus" / "targets",
                alertmanager_url=alertmanager_url,
                port=_port(PROMETHEUS_ADDRESS),
            )
        )
        console.print(f"Prometheus: {prometheus_url}, Alertmanager: {alertmanager_url}, data: {folder}")
        wait_for_death([Prometheus(prometheus_url), Alertmanager(alertmanager_url)])


def wait_for_death(servers: Sequence[Prometheus | Alertmanager], *, every: float = 5.0) -> NoReturn:
    """Check every *every* seconds that each of *servers* answers. Never returns.

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
        time.sleep(every)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
