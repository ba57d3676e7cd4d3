"""``vae-exporter targets``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vae_exporter.cli.terminal import fail
from vae_exporter.errors import VaeExporterError

targets = typer.Typer(help="Manage the files through which Prometheus discovers runs.", no_args_is_help=True)


@targets.command()
def prune(
    folder: Annotated[Path, typer.Argument(help="The folder that runs use as targets_dir.")],
) -> None:
    """Remove the files of runs that are gone, and print the outcome for each file."""
    from vae_exporter._process.prune import prune as prune_folder  # noqa: PLC0415 - see terminal.needs_extra

    try:
        done = prune_folder(folder)
    except VaeExporterError as error:
        fail(str(error))
    for line in map(str, done) if done else [f"no target files in {folder}"]:
        typer.echo(line)
