"""``vae-exporter report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vae_exporter.cli.terminal import fail, needs_extra, write_page
from vae_exporter.errors import VaeExporterError


def report(
    *,
    prometheus: Annotated[str, typer.Option(help="The address of Prometheus.")] = "http://127.0.0.1:9090",
    run: Annotated[str | None, typer.Option(help="The run's name; may be left out where there is one alone.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.", dir_okay=False)] = Path(
        "report.html"
    ),
) -> None:
    """Write one page of HTML about a run: its verdict, and the NLL over its bands, by step."""
    with needs_extra("report"):
        from vae_exporter.report import read_report, render  # noqa: PLC0415 - matplotlib takes a second to import
    try:
        page = render(read_report(prometheus, run))
    except VaeExporterError as error:
        fail(str(error))
    write_page(output, page, "--output")
    typer.echo(f"The report is in {output}.")
