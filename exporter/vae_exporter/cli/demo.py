"""``vae-exporter demo``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from vae_exporter.cli.terminal import INTERRUPTED, end_like_ctrl_c, fail, needs_extra
from vae_exporter.demo import Scenario
from vae_exporter.errors import VaeExporterError


def demo(
    *,
    scenario: Annotated[Scenario, typer.Option(help="How it ends.")] = Scenario.DIVERGE,
    keep: Annotated[bool, typer.Option("--keep", help="Leave all servers up until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option(help="Makes the weights and the clips.", min=0)] = 0,
    simulated_gpu: Annotated[
        bool, typer.Option("--simulated-gpu", help="Publish a simulated GPU, too. Needs a C compiler.")
    ] = False,
    report: Annotated[Path, typer.Option(help="Where it writes its report: a page of HTML.", dir_okay=False)] = Path(
        "vae-exporter-data/demo-report.html"
    ),
) -> None:
    """Train a small video VAE on the CPU, let it diverge, and see the page arrive."""
    with needs_extra("demo"):
        from vae_exporter.demo.scenario import run_demo  # noqa: PLC0415 - torch takes seconds to import
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    console = Console()
    try:
        run_demo(scenario, keep=keep, seed=seed, report=report, has_simulated_gpu=simulated_gpu, console=console)
    except VaeExporterError as error:
        fail(str(error))
    except KeyboardInterrupt:
        console.print("\nStopped. All servers are down.")
        raise typer.Exit(0 if keep else INTERRUPTED) from None
