"""``vae-exporter learn``."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vae_exporter.cli.log_options import ColumnMap, Every, Means, Weights, log_options
from vae_exporter.cli.terminal import BAD_INPUT, fail, write_page
from vae_exporter.errors import LogError, VaeExporterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.judge.logs.logged_run import LogOptions
    from vae_exporter.learn.good_run import GoodRun


def learn(  # noqa: PLR0913 - its options
    log: Annotated[
        Path | None, typer.Argument(metavar="[LOG]", help="Log of a good run; - reads standard input.")
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)] = Path("bands.json"),
    prometheus: Annotated[str | None, typer.Option(help="URL of Prometheus, to learn without a log.")] = None,
    run: Annotated[str, typer.Option(help="Name of the run, if the log or Prometheus has several.")] = "",
    columns: ColumnMap = None,
    weights: Weights = "",
    every: Every = 1,
    means: Means = False,
) -> None:
    """Write the band edges for runs like a good one: a file for band_edges= and `judge --band-edges`."""
    if (log is None) == (prometheus is None):
        fail("learn needs a log or --prometheus URL, one of the two", BAD_INPUT)
    from vae_exporter.learn.bands import default_edges, learned  # noqa: PLC0415 - see terminal.needs_extra

    options = log_options(columns, weights, every, means=means)
    logging.getLogger("vae_exporter").setLevel(logging.CRITICAL)  # its warnings are for trainers
    try:
        defaults = default_edges()
        learned_from = good_run(log, prometheus, run, options, defaults)
        content = learned(learned_from, defaults)
    except LogError as error:
        fail(str(error), BAD_INPUT)
    except VaeExporterError as error:
        fail(str(error))
    write_page(output, json.dumps(content, indent=2) + "\n", "--output")
    if learned_from.ended_above_level:
        typer.echo(
            f"vae-exporter: run {learned_from.name} did not end well: its last mean NLL is {learned_from.mean:.4g}, "
            f"and it held {learned_from.held:.4g}. If it diverged, learn from its log up to the rise, or from another "
            "run.",
            err=True,
        )
    typer.echo(f"Wrote the band edges to {output}. {content['derived']}")


def good_run(
    log: Path | None, prometheus: str | None, run: str, options: LogOptions, defaults: Mapping[str, float]
) -> GoodRun:
    """Return what is known of *run* from *log*, or else from *prometheus*. Raises what the readers raise."""
    from vae_exporter.learn import from_log, from_prometheus  # noqa: PLC0415 - see terminal.needs_extra

    if log is not None:
        return from_log.read_good_run(log, options, run, defaults)
    return from_prometheus.read_good_run(str(prometheus), run or None)
