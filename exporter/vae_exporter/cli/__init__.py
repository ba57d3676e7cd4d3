"""The command ``vae-exporter``: one file a command."""

from __future__ import annotations

from typing import Annotated

try:
    import rich  # noqa: F401 - the commands print with it
    import typer
except ImportError as missing:
    raise SystemExit(f"vae-exporter: {missing.name} is missing: pip install '/path/to/vae-exporter[cli]'") from missing

from vae_exporter._version import __version__
from vae_exporter.cli import demo, judge, pager, replay, report, targets, trainer, watch

app = typer.Typer(
    help="Watch the training of a video VAE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(trainer.trainer)
app.command()(watch.watch)
app.command()(pager.pager)
app.command()(judge.judge)
app.command()(replay.replay)
app.command()(report.report)
app.add_typer(targets.targets, name="targets")


@app.callback(invoke_without_command=True)
def main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Watch the training of a video VAE."""
    if version:
        typer.echo(f"vae-exporter {__version__}")
        raise typer.Exit
