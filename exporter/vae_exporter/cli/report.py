"""``vae-exporter report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vae_exporter.cli.servers import PROMETHEUS, PrometheusUrl
from vae_exporter.cli.terminal import fail, needs_extra, write_page
from vae_exporter.errors import VaeExporterError


def report(
    *,
    prometheus: PrometheusUrl = PROMETHEUS,
    run: Annotated[str | None, typer.Option(help="Name of the run. Required if Prometheus has several.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.", dir_okay=False)] = Path(
        "report.html"
    ),
) -> None:
    """Write an HTML report of a run: its verdict, its alerts, and its NLL by step."""
    with needs_extra("report"):
        from vae_exporter.report import read_report, render  # noqa: PLC0415 - matplotlib takes a second to import
    try:
        page = render(read_report(prometheus, run))
    except VaeExporterError as error:
        fail(str(error))
    write_page(output, page, "--output")
    typer.echo(f"Wrote the report to {output}.")
