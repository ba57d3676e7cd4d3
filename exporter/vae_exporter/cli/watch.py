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
) -> None:
    """Run Prometheus, Alertmanager and the pager for the runs on this machine, until Ctrl-C."""
    with needs_extra("cli"):
        from vae_exporter.stack.watch import watch as watch_trainings  # noqa: PLC0415 - see terminal.needs_extra
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    with suppress(KeyboardInterrupt):
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(f"cannot create the folder {data}: {error.strerror or error}; choose another one with --data")
        try:
            watch_trainings(data.resolve(), Console())
        except VaeExporterError as error:
            fail(str(error))
