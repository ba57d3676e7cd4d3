"""``vae-exporter pager``."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.terminal import end_like_ctrl_c, fail
from vae_exporter.errors import StackError


def pager(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)] = 9661,
    store: Annotated[
        Path | None, typer.Option(help="Append each notification to this file as a line of JSON.", dir_okay=False)
    ] = None,
) -> None:
    """Receive and show the notifications that Alertmanager sends in the shipped configuration."""
    from vae_exporter.pager.receiver import receive  # noqa: PLC0415 - see terminal.needs_extra

    end_like_ctrl_c(signal.SIGTERM)
    try:
        with receive(Console(), host=host, port=port, store=store), suppress(KeyboardInterrupt):
            threading.Event().wait()
    except StackError as error:
        fail(str(error))
