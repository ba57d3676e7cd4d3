"""``vae-exporter judge``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vae_exporter._process.band_edges import check_band_edges
from vae_exporter._process.loss_definition import PRESETS
from vae_exporter._process.loss_settings import check_loss
from vae_exporter._record.baseline import read_baseline
from vae_exporter.cli.log_options import ColumnMap, Every, Means, Weights, log_options
from vae_exporter.cli.terminal import BAD_INPUT, INTERRUPTED, fail, needs_extra, write_page
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vae_exporter._record.baseline import Baseline
    from vae_exporter.judge.printing import JudgedRun


def judge(  # noqa: PLR0913 - its options
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Training logs; - reads standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how each log was read, and which lines were refused.")
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Show each part of VaeNllDiverged at the end of the run, with its numbers.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Write an HTML report of the run. A second run's file name ends in -2.", dir_okay=False),
    ] = None,
    band_edges: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge by the band edges that `learn` wrote.", dir_okay=False)
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with the run that `baseline` stored.", dir_okay=False),
    ] = None,
    loss: Annotated[
        str | None,
        typer.Option(metavar="PRESET", help=f"Judge as with TrainingExporter(loss=PRESET): {', '.join(PRESETS)}."),
    ] = None,
    columns: ColumnMap = None,
    weights: Weights = "",
    every: Every = 1,
    means: Means = False,
) -> None:
    """Judge past runs by their logs. Exit code 0: no run would have paged, 1: one would have, 2: unreadable log."""
    from vae_exporter.judge.command import judge_logs  # noqa: PLC0415 - see terminal.needs_extra
    from vae_exporter.judge.output import output_console  # noqa: PLC0415

    options = log_options(columns, weights, every, means=means)
    if band_edges is not None:
        _check_edges(band_edges)
    if loss is not None:
        _check_loss(loss)
    before = None if baseline is None else _read(baseline)
    console = output_console()
    write_report = _report_writer(report) if report else None
    try:
        exit_code = judge_logs(
            logs,
            options,
            console,
            as_text=not as_json,
            explain=explain,
            why=why,
            band_edges=band_edges,
            baseline=before,
            loss=loss,
            write_report=write_report,
        )
    except KeyboardInterrupt:
        exit_code = INTERRUPTED
    raise typer.Exit(exit_code)


def _check_loss(preset: str) -> None:
    try:
        check_loss(preset, {}, has_own_edges=False)
    except SettingsError as error:
        fail(str(error), BAD_INPUT)


def _check_edges(band_edges: Path) -> None:
    try:
        check_band_edges(band_edges)
    except SettingsError as error:
        fail(str(error), BAD_INPUT)


def _read(baseline: Path) -> Baseline:
    try:
        return read_baseline(baseline)
    except SettingsError as error:
        fail(str(error), BAD_INPUT)


def _report_writer(path: Path) -> Callable[[JudgedRun, int], Path]:
    with needs_extra("report"):
        from vae_exporter.report import render  # noqa: PLC0415 - matplotlib takes a second to import
        from vae_exporter.report.from_log import report_of  # noqa: PLC0415

    def write(judged: JudgedRun, number: int) -> Path:
        file = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        write_page(file, render(report_of(judged)), "--report", BAD_INPUT)
        return file

    return write
