"""``vae-exporter explain``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from vae_exporter.cli.terminal import fail
from vae_exporter.errors import VaeExporterError


def explain(
    *,
    prometheus: Annotated[str, typer.Option(help="URL of Prometheus.")] = "http://127.0.0.1:9090",
    run: Annotated[str | None, typer.Option(help="Name of the run. Required if Prometheus has several.")] = None,
) -> None:
    """Show why VaeNllDiverged fires for a run or not: each part of its rule, with the present numbers."""
    from vae_exporter.judge.explanation import explain_run, for_people  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.judge.output import output_console, show  # noqa: PLC0415

    try:
        name, parts = explain_run(prometheus, run)
    except VaeExporterError as error:
        fail(str(error))
    console = output_console()
    show(console, Text(f"Run {name}", style="bold"))
    show(console, for_people(parts))
