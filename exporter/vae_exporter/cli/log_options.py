"""The options of the commands that read logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vae_exporter.cli.terminal import BAD_INPUT, fail
from vae_exporter.errors import LogError

if TYPE_CHECKING:
    from vae_exporter.judge.logs.logged_run import LogOptions

ColumnMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="VALUE=COLUMN", help="Read a value from a column of another name: nll=my_column."),
]
Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME=NUMBER,...", help="Loss weights: rec=10,perception=1,kl=1e-4. Fitted to the log by default."
    ),
]
Every = Annotated[int, typer.Option(help="Steps per row, for a log without step numbers.", min=1)]

Means = Annotated[bool, typer.Option("--means", help="Each row has the means of the steps since the row before.")]


def log_options(columns: list[str] | None, weights: str, every: int, *, means: bool) -> LogOptions:
    """Parse the options. Print an error and exit if one of them is invalid."""
    from vae_exporter.judge.logs.columns import Columns, parse_mapping  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.judge.logs.logged_run import LogOptions  # noqa: PLC0415
    from vae_exporter.judge.logs.repair.weights import parse_weights  # noqa: PLC0415

    try:
        return LogOptions(Columns(parse_mapping(columns or ())), parse_weights(weights), every, are_means=means)
    except LogError as error:
        fail(str(error), BAD_INPUT)
