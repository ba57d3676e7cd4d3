"""The command line ``vae-exporter``. Each command is in its own file."""

from __future__ import annotations

from typing import Annotated

try:
    import rich  # noqa: F401 - imported here so that its absence gets the message below
    import typer
except ImportError as missing:
    raise SystemExit(
        f"vae-exporter: {missing.name} is not installed; run: pip install '/path/to/vae-exporter[cli]'"
    ) from missing

from vae_exporter._version import __version__
from vae_exporter.cli import (
    baseline,
    demo,
    dismiss,
    doctor,
    explain,
    judge,
    learn,
    pager,
    replay,
    report,
    status,
    targets,
    trainer,
    watch,
)

app = typer.Typer(
    help="Monitor the training of video VAEs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(trainer.trainer)
app.command()(watch.watch)
app.command()(pager.pager)
app.command()(judge.judge)
app.command()(explain.explain)
app.command()(learn.learn)
app.command()(baseline.baseline)
app.command()(replay.replay)
app.command()(report.report)
app.command()(status.status)
app.command()(dismiss.dismiss)
app.command()(doctor.doctor)
app.add_typer(targets.targets, name="targets")


@app.callback(invoke_without_command=True)
def main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Monitor the training of video VAEs."""
    if version:
        typer.echo(f"vae-exporter {__version__}")
        raise typer.Exit
