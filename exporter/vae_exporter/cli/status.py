"""``vae-exporter status``."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import Annotated

import typer

from vae_exporter.cli.servers import PROMETHEUS, PrometheusUrl
from vae_exporter.cli.terminal import end_like_ctrl_c, fail
from vae_exporter.errors import VaeExporterError


def status(
    *,
    prometheus: PrometheusUrl = PROMETHEUS,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh the table until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between refreshes.", min=0.1)] = 5,
) -> None:
    """Show each run: its step, NLL, band, verdict, alerts and GPUs."""
    from vae_exporter.judge.output import output_console, show  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.runs.live import live_table  # noqa: PLC0415
    from vae_exporter.runs.printing import overview  # noqa: PLC0415
    from vae_exporter.runs.standing import standings  # noqa: PLC0415
    from vae_exporter.stack.client import Prometheus  # noqa: PLC0415

    console = output_console()
    server = Prometheus(prometheus)
    try:
        if not watch:
            runs = standings(server)
            show(console, overview(runs) if runs else f"Prometheus at {prometheus} has no run: see docs/discovery.md")
            return
        end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
        with suppress(KeyboardInterrupt), live_table(console) as refresh:
            while True:
                refresh(server)
                time.sleep(every)
    except VaeExporterError as error:
        fail(str(error))
