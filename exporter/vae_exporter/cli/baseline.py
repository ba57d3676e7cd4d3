"""``vae-exporter baseline``."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from vae_exporter._record.baseline import FILE_FIELD
from vae_exporter.cli.learn import good_run
from vae_exporter.cli.log_options import ColumnMap, Every, Means, Weights, log_options
from vae_exporter.cli.terminal import BAD_INPUT, fail, write_page
from vae_exporter.errors import LogError, VaeExporterError


def baseline(  # noqa: PLR0913 - its options
    log: Annotated[
        Path | None, typer.Argument(metavar="[LOG]", help="Log of a good run; - reads standard input.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)] = Path("base.json"),
    prometheus: Annotated[str | None, typer.Option(help="URL of Prometheus, to read the run without a log.")] = None,
    run: Annotated[str, typer.Option(help="Name of the run, if the log or Prometheus has several.")] = "",
    columns: ColumnMap = None,
    weights: Weights = "",
    every: Every = 1,
    means: Means = False,
) -> None:
    """Store a good run for later ones to compare with: a file for baseline=, band_edges= and `judge --baseline`."""
    if (log is None) == (prometheus is None):
        fail("baseline needs a log or --prometheus URL, one of the two", BAD_INPUT)
    from vae_exporter.learn.bands import default_edges, learned  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.learn.good_run import LearnError  # noqa: PLC0415

    logging.getLogger("vae_exporter").setLevel(logging.CRITICAL)  # its warnings are for trainers
    edges: dict[str, Any] = {}
    try:
        defaults = default_edges()
        good = good_run(log, prometheus, run, log_options(columns, weights, every, means=means), defaults)
        with suppress(LearnError):  # it has held no level that is worth edges of its own
            edges = learned(good, defaults)
    except LogError as error:
        fail(str(error), BAD_INPUT)
    except VaeExporterError as error:
        fail(str(error))
    if good.course is None:
        fail(f"run {good.name} ({good.source}) has no mean NLL to compare with; take a longer run without groups")
    write_page(output, json.dumps({**edges, FILE_FIELD: good.course.as_dict()}) + "\n", "--output")
    typer.echo(
        f"Wrote run {good.name} ({good.source}) to {output}. It ended at {good.course.end_growth:.3g} times its level."
    )
