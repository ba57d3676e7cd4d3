"""``vae-exporter replay``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.log_options import ColumnMap, Every, Means, Weights, log_options
from vae_exporter.cli.terminal import BAD_INPUT, end_like_ctrl_c, fail
from vae_exporter.errors import LogError, VaeExporterError


def replay(  # noqa: PLR0913 - its options
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Training log; - reads standard input.")],
    *,
    speed: Annotated[
        float, typer.Option(help="Speed, as a multiple of the original training.", min=0.01, max=1e6)
    ] = 1.0,
    run: Annotated[
        str, typer.Option(help="Name of the run, as `judge` prints it.", show_default="the first run of the log")
    ] = "",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 picks a free one.", min=0, max=65535)] = 9645,
    columns: ColumnMap = None,
    weights: Weights = "",
    every: Every = 1,
    means: Means = False,
) -> None:
    """Serve a past run at /metrics as if it were training now."""
    from vae_exporter.judge.replay import replay_log  # noqa: PLC0415 - see terminal.needs_extra

    options = log_options(columns, weights, every, means=means)
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    try:
        replay_log(log, options, Console(), run=run, speed=speed, host=host, port=port)
    except LogError as error:
        fail(str(error), BAD_INPUT)
    except VaeExporterError as error:
        fail(str(error))
