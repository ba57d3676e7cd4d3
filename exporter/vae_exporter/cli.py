"""The command ``vae-exporter``."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path  # noqa: TC003 - typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, NoReturn

try:
    import typer
    from rich.console import Console
except ImportError as missing:
    raise SystemExit(f"vae-exporter: {missing.name} is missing: pip install 'vae-exporter[cli]'") from missing

from vae_exporter._version import __version__
from vae_exporter.demo import Scenario
from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(
    help="Watch the training of a video VAE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

# What `make` and shells take for "ended by Ctrl-C": 128 + SIGINT.
_INTERRUPTED = 130


@app.callback(invoke_without_command=True)
def main(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Watch the training of a video VAE."""
    if version:
        typer.echo(f"vae-exporter {__version__}")
        raise typer.Exit


@app.command()
def demo(
    *,
    scenario: Annotated[Scenario, typer.Option(help="How it ends.")] = Scenario.DIVERGE,
    keep: Annotated[bool, typer.Option("--keep", help="Leave all servers up until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option(help="Makes the weights and the clips.", min=0)] = 0,
) -> None:
    """Train a small video VAE on the CPU, let it diverge, and see the page arrive."""
    try:
        from vae_exporter.demo.scenario import run_demo  # noqa: PLC0415 - torch takes seconds to import
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install 'vae-exporter[demo]'")
    _end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    console = Console()
    try:
        run_demo(scenario, keep=keep, seed=seed, console=console)
    except VaeExporterError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        console.print("\nStopped. All servers are down.")
        raise typer.Exit(0 if keep else _INTERRUPTED) from None


@app.command()
def pager(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0: any free one.", min=0, max=65535)] = 9661,
    store: Annotated[
        Path | None, typer.Option(help="Add each notification to this file, as a line of JSON.", dir_okay=False)
    ] = None,
) -> None:
    """Show what Alertmanager tells: the receiver of the shipped configuration."""
    from vae_exporter._http import serve  # noqa: PLC0415 - only what the command needs
    from vae_exporter.pager import PagerSink  # noqa: PLC0415
    from vae_exporter.pager.terminal import render  # noqa: PLC0415

    if store is not None:
        try:
            store.open("a").close()
        except OSError as error:
            _fail(f"cannot write to {store}: {error.strerror or error}; give another --store")
    console = Console()
    sink = PagerSink(store=store, on_notification=lambda notification: console.print(render(notification)))
    _end_like_ctrl_c(signal.SIGTERM)
    try:
        server = serve(sink.app, host=host, port=port)
    except OSError as error:
        _fail(f"cannot listen on {host}:{port}: {error.strerror or error}; give another --port")
    console.print(f"The pager listens on {server.url}. Press Ctrl-C to stop it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()


def _end_like_ctrl_c(*signals: signal.Signals) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)


def _fail(message: str) -> NoReturn:
    typer.secho(f"vae-exporter: {message}", err=True, fg=typer.colors.RED)
    sys.exit(1)


if __name__ == "__main__":
    app()
