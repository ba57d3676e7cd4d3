"""``vae-exporter status``."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import Annotated

import typer

from vae_exporter.cli.servers import ALERTMANAGER, PROMETHEUS, AlertmanagerUrl, PrometheusUrl
from vae_exporter.cli.terminal import end_like_ctrl_c, fail
from vae_exporter.errors import VaeExporterError


def status(
    *,
    prometheus: PrometheusUrl = PROMETHEUS,
    alertmanager: AlertmanagerUrl = ALERTMANAGER,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh the table until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between refreshes.", min=0.1)] = 5,
) -> None:
    """Show each run: its step, NLL, band, verdict, alerts and GPUs, and which alerts are silenced or inhibited."""
    from vae_exporter.judge.output import output_console, show  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.runs.live import current_table, live_table  # noqa: PLC0415
    from vae_exporter.stack.client import Alertmanager, Prometheus  # noqa: PLC0415

    console = output_console()
    servers = Prometheus(prometheus), Alertmanager(alertmanager)
    try:
        if not watch:
            no_run = f"Prometheus at {prometheus} has no run: see docs/discovery.md"
            show(console, current_table(*servers) or no_run)
            return
        end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
        with suppress(KeyboardInterrupt), live_table(console) as refresh:
            while True:
                refresh(*servers)
                time.sleep(every)
    except VaeExporterError as error:
        fail(str(error))
