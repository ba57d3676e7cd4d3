"""``vae-exporter replay``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.log_options import ColumnMap, Every, Weights, log_options
from vae_exporter.cli.terminal import BAD_INPUT, end_like_ctrl_c, fail
from vae_exporter.errors import LogError, VaeExporterError


def replay(  # noqa: PLR0913 - its options
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of a training; -: standard input.")],
    *,
    speed: Annotated[float, typer.Option(help="How many times faster than it trained.", min=0.01, max=1e6)] = 1.0,
    run: Annotated[str, typer.Option(help="Which run of the log, by the name that `judge` prints.")] = "",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0: any free one.", min=0, max=65535)] = 9645,
    columns: ColumnMap = None,
    weights: Weights = "",
    every: Every = 1,
) -> None:
    """Serve a run that is over at /metrics, as if it trained now, so that all that watches trainings shows it."""
    from vae_exporter.judge.replay import replay_log  # noqa: PLC0415 - only what the command needs

    options = log_options(columns, weights, every)
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    try:
        replay_log(log, options, Console(), run=run, speed=speed, host=host, port=port)
    except LogError as error:
        fail(str(error), BAD_INPUT)
    except VaeExporterError as error:
        fail(str(error))
