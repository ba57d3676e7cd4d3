"""The options of all commands that read logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vae_exporter.cli.terminal import BAD_INPUT, fail
from vae_exporter.errors import LogError

if TYPE_CHECKING:
    from vae_exporter.judge.logs.logged_run import LogOptions

ColumnMap = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="VALUE=COLUMN", help="Where a value stands under another name: nll=my_column."),
]
Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME=NUMBER,...", help="The loss weights: rec=10,perception=1,kl=1e-4. Else they are fitted."
    ),
]
Every = Annotated[int, typer.Option(help="Steps from one row to the next, where the log has no steps.", min=1)]


def log_options(columns: list[str] | None, weights: str, every: int) -> LogOptions:
    """Return what the options say, or fail."""
    from vae_exporter.judge.logs.columns import Columns, parse_mapping  # noqa: PLC0415 - only what the command needs
    from vae_exporter.judge.logs.logged_run import LogOptions  # noqa: PLC0415
    from vae_exporter.judge.logs.repair.weights import parse_weights  # noqa: PLC0415

    try:
        return LogOptions(Columns(parse_mapping(columns or ())), parse_weights(weights), every)
    except LogError as error:
        fail(str(error), BAD_INPUT)
