"""``vae-exporter trainer``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from vae_exporter.cli.terminal import INTERRUPTED, fail, needs_extra
from vae_exporter.errors import VaeExporterError


def trainer(  # noqa: PLR0913 - options
    *,
    run: Annotated[str | None, typer.Option(help="Name of the run.", show_default="demo- and the time")] = None,
    host: Annotated[str, typer.Option(help="Address to serve the metrics on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to serve the metrics on; 0 picks a free one.", min=0, max=65535)
    ] = 9645,
    targets_dir: Annotated[
        Path | None, typer.Option(help="Folder for the target file, for discovery by Prometheus.", file_okay=False)
    ] = None,
    rest: Annotated[float, typer.Option(help="Seconds to wait after each step.", min=0)] = 0.05,
    diverge_at: Annotated[int | None, typer.Option(help="Step at which to make the run diverge.", min=0)] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the weights and the clips.", min=0)] = 0,
) -> None:
    """Train the demo's small video VAE without servers, for a Prometheus that is already running."""
    with needs_extra("demo"):
        from vae_exporter.demo.alone import Course, train_alone  # noqa: PLC0415 - torch takes seconds to import
    name = run or time.strftime("demo-%Y%m%d-%H%M%S")
    try:
        course = Course(rest, diverge_at, seed)
        train_alone(name, course, host=host, port=port, targets_dir=targets_dir, say=typer.echo)
    except VaeExporterError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
