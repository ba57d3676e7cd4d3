"""``vae-exporter doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vae_exporter.cli.servers import ALERTMANAGER, PROMETHEUS, AlertmanagerUrl, PrometheusUrl
from vae_exporter.cli.terminal import fail, needs_extra
from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.finding import Finding


def doctor(
    *,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Check the exporter on this machine's GPU instead. Takes minutes.")
    ] = False,
    ring: Annotated[bool, typer.Option("--ring", help="Also send a test page, which resolves in 5 minutes.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table in Markdown.")] = False,
    prometheus: PrometheusUrl = PROMETHEUS,
    alertmanager: AlertmanagerUrl = ALERTMANAGER,
) -> None:
    """Check every link from the run to the page, and print a table. Exit code 1: a check failed."""
    from vae_exporter.doctor.chain.checks import check_chain  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.doctor.table import as_markdown, for_terminal  # noqa: PLC0415

    try:
        found = list(_check_gpu() if gpu else check_chain(prometheus, alertmanager, with_test_page=ring))
    except VaeExporterError as error:
        fail(str(error))
    if markdown:
        typer.echo(as_markdown(found))
    else:
        console = Console()
        console.print(for_terminal(found, console.width))
    if any(finding.passed is False for finding in found):
        raise typer.Exit(1)


def _check_gpu() -> Iterator[Finding]:
    with needs_extra("demo"):
        from vae_exporter.doctor.gpu.checks import check_gpu  # noqa: PLC0415 - torch takes seconds to import
    return check_gpu()
