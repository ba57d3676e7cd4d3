"""``vae-exporter doctor``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.terminal import fail, needs_extra
from vae_exporter.errors import VaeExporterError


def doctor(
    *,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Check the exporter on this machine's GPU. Takes a minute.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
) -> None:
    """Check this machine, and print a table of what was found. Exit code 1: a check failed."""
    if not gpu:
        fail("pass --gpu to check this machine's GPU")
    from vae_exporter.doctor.table import as_markdown, for_terminal  # noqa: PLC0415 - see terminal.needs_extra

    with needs_extra("demo"):
        from vae_exporter.doctor.gpu.checks import check_gpu  # noqa: PLC0415 - torch takes seconds to import
    try:
        findings = list(check_gpu())
    except VaeExporterError as error:
        fail(str(error))
    if markdown:
        typer.echo(as_markdown(findings))
    else:
        Console().print(for_terminal(findings))
    if any(finding.passed is False for finding in findings):
        raise typer.Exit(1)
