"""The command ``vae-exporter``."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

try:
    import typer
    from rich.console import Console
except ImportError as missing:
    raise SystemExit(f"vae-exporter: {missing.name} is missing: pip install '/path/to/vae-exporter[cli]'") from missing

from vae_exporter._version import __version__
from vae_exporter.demo import Scenario
from vae_exporter.errors import LogError, VaeExporterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from vae_exporter.judge.logs.logged_run import LogOptions
    from vae_exporter.judge.printing import JudgedRun

app = typer.Typer(
    help="Watch the training of a video VAE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

targets = typer.Typer(help="The files by which Prometheus finds trainings.", no_args_is_help=True)
app.add_typer(targets, name="targets")

# What `make` and shells take for "ended by Ctrl-C": 128 + SIGINT.
_INTERRUPTED = 130

# As typer has it for what a user typed wrong.
_BAD_INPUT = 2

# In a pipe a line is as long as it is: what reads it wraps it.
_PIPE_WIDTH = 10_000


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
    simulated_gpu: Annotated[
        bool, typer.Option("--simulated-gpu", help="Publish a simulated GPU, too. Needs a C compiler.")
    ] = False,
    report: Annotated[Path, typer.Option(help="Where it writes its report: a page of HTML.", dir_okay=False)] = Path(
        "vae-exporter-data/demo-report.html"
    ),
) -> None:
    """Train a small video VAE on the CPU, let it diverge, and see the page arrive."""
    try:
        from vae_exporter.demo.scenario import run_demo  # noqa: PLC0415 - torch takes seconds to import
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[demo]'")
    _end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    console = Console()
    try:
        run_demo(scenario, keep=keep, seed=seed, report=report, has_simulated_gpu=simulated_gpu, console=console)
    except VaeExporterError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        console.print("\nStopped. All servers are down.")
        raise typer.Exit(0 if keep else _INTERRUPTED) from None


@app.command()
def trainer(  # noqa: PLR0913 - options
    *,
    run: Annotated[str | None, typer.Option(help="The run's name.", show_default="demo and the time")] = None,
    host: Annotated[str, typer.Option(help="The address that its metrics are served on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Their port; 0: any free one.", min=0, max=65535)] = 9645,
    targets_dir: Annotated[
        Path | None, typer.Option(help="The folder by which Prometheus finds it.", file_okay=False)
    ] = None,
    rest: Annotated[float, typer.Option(help="Seconds to rest after each step.", min=0)] = 0.05,
    diverge_at: Annotated[int | None, typer.Option(help="The step from which on it diverges.", min=0)] = None,
    seed: Annotated[int, typer.Option(help="Makes the weights and the clips.", min=0)] = 0,
) -> None:
    """Train the demo's small video VAE alone, for a Prometheus that runs already."""
    try:
        from vae_exporter.demo.alone import Course, train_alone  # noqa: PLC0415 - torch takes seconds to import
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[demo]'")
    name = run or time.strftime("demo-%Y%m%d-%H%M%S")
    try:
        course = Course(rest, diverge_at, seed)
        train_alone(name, course, host=host, port=port, targets_dir=targets_dir, say=typer.echo)
    except VaeExporterError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None


@app.command()
def watch(
    *,
    data: Annotated[Path, typer.Option(help="Where the servers keep their data.", file_okay=False)] = Path(
        "vae-exporter-data"
    ),
) -> None:
    """Run Prometheus, Alertmanager and the pager for the trainings on this machine, until Ctrl-C."""
    try:
        from vae_exporter.stack import servers  # noqa: PLC0415 - needs PyYAML
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[demo]'")
    from vae_exporter.stack.files import stack_folder  # noqa: PLC0415 - only what the command needs

    _end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    with ExitStack() as stack:
        try:
            data.mkdir(parents=True, exist_ok=True)
            folder = data.resolve()
            console = Console()
            pager_port = int(servers.PAGER_URL.rpartition(":")[2])
            servers.check_free("the pager", pager_port)
            _listen_as_pager(stack, console, "127.0.0.1", pager_port, folder / "pager.jsonl")
            alertmanager_url = stack.enter_context(servers.alertmanager(folder, pager_url=servers.PAGER_URL, port=9093))
            prometheus_url = stack.enter_context(
                servers.prometheus(
                    folder,
                    targets=None,
                    targets_folder=stack_folder() / "prometheus" / "targets",
                    alertmanager_url=alertmanager_url,
                    port=9090,
                )
            )
            console.print(f"Prometheus on {prometheus_url}, Alertmanager on {alertmanager_url}, data in {folder}.")
            servers.wait_for_death({"Prometheus": prometheus_url, "Alertmanager": alertmanager_url})
        except VaeExporterError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            pass


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
    _end_like_ctrl_c(signal.SIGTERM)
    with ExitStack() as stack:
        _listen_as_pager(stack, Console(), host, port, store)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def _listen_as_pager(stack: ExitStack, console: Console, host: str, port: int, store: Path | None) -> None:
    from vae_exporter._serve.http import serve  # noqa: PLC0415 - only what the command needs
    from vae_exporter.pager import PagerSink  # noqa: PLC0415
    from vae_exporter.pager.terminal import render  # noqa: PLC0415

    if store is not None:
        try:
            store.open("a").close()
        except OSError as error:
            _fail(f"cannot write to {store}: {error.strerror or error}; give another file")
    sink = PagerSink(store=store, on_notification=lambda notification: console.print(render(notification)))
    try:
        server = serve(sink.app, host=host, port=port)
    except OSError as error:
        _fail(f"cannot listen on {host}:{port}: {error.strerror or error}; give another --host or --port")
    stack.callback(server.close)
    console.print(f"The pager listens on {server.url}. Press Ctrl-C to stop.")


_Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="VALUE=COLUMN", help="Where a value stands under another name: nll=my_column."),
]
_Weights = Annotated[
    str,
    typer.Option(
        metavar="NAME=NUMBER,...", help="The loss weights: rec=10,perception=1,kl=1e-4. Else they are fitted."
    ),
]
_Every = Annotated[int, typer.Option(help="Steps from one row to the next, where the log has no steps.", min=1)]


@app.command()
def judge(  # noqa: PLR0913 - its options
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Logs of trainings; -: standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list for machines.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show how each log was read, and what was not.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a page of HTML about the run; a second run's has -2 in its name.", dir_okay=False),
    ] = None,
    columns: _Map = None,
    weights: _Weights = "",
    every: _Every = 1,
) -> None:
    """Judge runs that are over by their logs: 0 healthy, 1 a page would have rung, 2 a log cannot be read."""
    from vae_exporter.judge.command import judge_logs  # noqa: PLC0415 - only what the command needs

    options = _log_options(columns, weights, every)
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    write_report = _report_writer(report) if report else None
    try:
        exit_code = judge_logs(logs, options, console, as_text=not as_json, explain=explain, write_report=write_report)
    except KeyboardInterrupt:
        exit_code = _INTERRUPTED
    raise typer.Exit(exit_code)


@app.command()
def replay(  # noqa: PLR0913 - its options
    log: Annotated[Path, typer.Argument(metavar="LOG", help="The log of a training; -: standard input.")],
    *,
    speed: Annotated[float, typer.Option(help="How many times faster than it trained.", min=0.01, max=1e6)] = 1.0,
    run: Annotated[str, typer.Option(help="Which run of the log, by the name that `judge` prints.")] = "",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on; 0: any free one.", min=0, max=65535)] = 9645,
    columns: _Map = None,
    weights: _Weights = "",
    every: _Every = 1,
) -> None:
    """Serve a run that is over at /metrics, as if it trained now, so that all that watches trainings shows it."""
    from vae_exporter.judge.replay import replay_log  # noqa: PLC0415 - only what the command needs

    options = _log_options(columns, weights, every)
    _end_like_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    try:
        replay_log(log, options, Console(), run=run, speed=speed, host=host, port=port)
    except LogError as error:
        _fail(str(error), _BAD_INPUT)
    except VaeExporterError as error:
        _fail(str(error))


def _report_writer(path: Path) -> Callable[[JudgedRun, int], Path]:
    try:
        from vae_exporter.report import render  # noqa: PLC0415
        from vae_exporter.report.from_log import report_of  # noqa: PLC0415 - matplotlib takes a second to import
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[report]'")

    def write(judged: JudgedRun, number: int) -> Path:
        file = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        _write(file, render(report_of(judged)), "--report", _BAD_INPUT)
        return file

    return write


def _write(path: Path, page: str, option: str, exit_code: int = 1) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        _fail(f"cannot write {path}: {error.strerror or error}; give another {option}", exit_code)


def _log_options(columns: list[str] | None, weights: str, every: int) -> LogOptions:
    from vae_exporter.judge.logs.columns import Columns, parse_mapping  # noqa: PLC0415 - only what the command needs
    from vae_exporter.judge.logs.logged_run import LogOptions  # noqa: PLC0415
    from vae_exporter.judge.logs.repair.weights import parse_weights  # noqa: PLC0415

    try:
        return LogOptions(Columns(parse_mapping(columns or ())), parse_weights(weights), every)
    except LogError as error:
        _fail(str(error), _BAD_INPUT)


@app.command()
def report(
    *,
    prometheus: Annotated[str, typer.Option(help="The address of Prometheus.")] = "http://127.0.0.1:9090",
    run: Annotated[str | None, typer.Option(help="The run's name; may be left out where there is one alone.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.", dir_okay=False)] = Path(
        "report.html"
    ),
) -> None:
    """Write one page of HTML about a run: its verdict, and the NLL over its bands, by step."""
    try:
        from vae_exporter.report import read_report, render  # noqa: PLC0415 - matplotlib takes a second to import
    except ImportError as missing:
        _fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[report]'")
    try:
        page = render(read_report(prometheus, run))
    except VaeExporterError as error:
        _fail(str(error))
    _write(output, page, "--output")
    typer.echo(f"The report is in {output}.")


@targets.command()
def prune(
    folder: Annotated[Path, typer.Argument(help="The folder that was given as targets_dir=.")],
) -> None:
    """Remove the files of trainings that are gone, and say for each file what was done."""
    from vae_exporter._process.targets import prune as prune_folder  # noqa: PLC0415 - only what the command needs

    try:
        done = prune_folder(folder)
    except VaeExporterError as error:
        _fail(str(error))
    for line in map(str, done) if done else [f"no target files in {folder}"]:
        typer.echo(line)


def _end_like_ctrl_c(*signals: signal.Signals) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)


def _fail(message: str, exit_code: int = 1) -> NoReturn:
    typer.secho(f"vae-exporter: {message}", err=True, fg=typer.colors.RED)
    sys.exit(exit_code)
