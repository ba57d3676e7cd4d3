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
    scenario: Annotated[Scenario, typer.Option(help="How the run ends.")] = Scenario.DIVERGE,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the servers running until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option(help="Random seed of the weights and the clips.", min=0)] = 0,
    simulated_gpu: Annotated[
        bool, typer.Option("--simulated-gpu", help="Also export a simulated GPU. Needs a C compiler.")
    ] = False,
    report: Annotated[Path, typer.Option(help="Where to write the HTML report of the run.", dir_okay=False)] = Path(
        "vae-exporter-data/demo-report.html"
    ),
) -> None:
    """Train a small video VAE on the CPU, make it diverge, and show the page arrive."""
    with needs_extra("demo"):
        from vae_exporter.demo.scenario import run_demo  # noqa: PLC0415 - torch takes seconds to import
    end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    console = Console()
    try:
        run_demo(scenario, keep=keep, seed=seed, report=report, has_simulated_gpu=simulated_gpu, console=console)
    except VaeExporterError as error:
        fail(str(error))
    except KeyboardInterrupt:
        console.print("\nStopped the training and all servers.")
        raise typer.Exit(0 if keep else INTERRUPTED) from None
