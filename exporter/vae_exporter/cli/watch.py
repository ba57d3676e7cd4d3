"""``vae-exporter watch``."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.terminal import end_like_ctrl_c, fail, needs_extra
from vae_exporter.errors import VaeExporterError


def watch(
    *,
    data: Annotated[Path, typer.Option(help="Folder for the servers' data.", file_okay=False)] = Path(
        "vae-exporter-data"
    ),
    prometheus_port: Annotated[int, typer.Option(help="Port of Prometheus.", min=1, max=65535)] = 9090,
    alertmanager_port: Annotated[int, typer.Option(help="Port of Alertmanager.", min=1, max=65535)] = 9093,
    pager_port: Annotated[int, typer.Option(help="Port of the pager.", min=1, max=65535)] = 9661,
    alertmanager_config: Annotated[
        Path | None,
        typer.Option(help="Configuration of Alertmanager, such as alertmanager.pagerduty-slack.yml.", dir_okay=False),
    ] = None,
) -> None:
    """Run Prometheus, Alertmanager and the pager for the runs on this machine, until Ctrl-C.

    A terminal shows the table of `vae-exporter status` below the notifications.
    """
    with needs_extra("cli"):
        from vae_exporter.runs.live import live_table  # noqa: PLC0415 - see terminal.needs_extra
        from vae_exporter.stack.watch import Ports  # noqa: PLC0415
        from vae_exporter.stack.watch import watch as watch_trainings  # noqa: PLC0415
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    console = Console()
    with suppress(KeyboardInterrupt):
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"cannot create the folder {data}: {error.strerror or error}; choose another one with --data")
        try:
            with live_table(console) as refresh:
                watch_trainings(
                    data.resolve(),
                    console,
                    ports=Ports(prometheus_port, alertmanager_port, pager_port),
                    alertmanager_config=alertmanager_config,
                    each_time=refresh,
                )
        except VaeExporterError as error:
            fail(str(error))
