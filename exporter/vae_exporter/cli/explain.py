"""``vae-exporter explain``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.terminal import fail
from vae_exporter.errors import VaeExporterError


def explain(
    *,
    prometheus: Annotated[str, typer.Option(help="URL of Prometheus.")] = "http://127.0.0.1:9090",
    run: Annotated[str | None, typer.Option(help="Name of the run. Required if Prometheus has several.")] = None,
) -> None:
    """Show why VaeNllDiverged fires for a run or not: each part of its rule, with the present numbers."""
    from vae_exporter.judge.explanation import explain_run, for_people  # noqa: PLC0415 - see terminal.needs_extra

    try:
        name, parts = explain_run(prometheus, run)
    except VaeExporterError as error:
        fail(str(error))
    console = Console(soft_wrap=True)
    console.print(f"Run {name}", style="bold", markup=False, highlight=False)
    console.print(for_people(parts), highlight=False)
