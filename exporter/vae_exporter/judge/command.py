"""The command ``vae-exporter judge``."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError, VaeExporterError
from vae_exporter.judge import engine
from vae_exporter.judge.judgement import judge
from vae_exporter.judge.logs.logged_run import LogOptions, read_runs
from vae_exporter.judge.output import show
from vae_exporter.judge.printing import JudgedRun, as_json, comparison, for_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from vae_exporter._process.band_edges import BandEdges
    from vae_exporter._record.baseline import Baseline
    from vae_exporter.judge.judgement import Judgement
    from vae_exporter.judge.logs.logged_run import LoggedRun

HEALTHY = 0
PAGED = 1
BAD_INPUT = 2
CANNOT_JUDGE = 3
"""promtool is missing or failed, or this program has a bug. Nothing is known about the runs."""


@dataclass
class Answer:
    """The judged runs, and the errors in the logs that could not be read."""

    judged: list[JudgedRun] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """The exit code for the shell. Bad input takes precedence, because the answer is then incomplete."""
        if self.errors:
            return BAD_INPUT
        return PAGED if any(one.judgement.paged for one in self.judged) else HEALTHY


def judge_logs(  # noqa: PLR0913 - the command's options
    logs: Sequence[Path],
    options: LogOptions,
    console: Console,
    *,
    as_text: bool,
    explain: bool,
    why: bool = False,
    band_edges: BandEdges | None = None,
    baseline: Baseline | None = None,
    loss: str | None = None,
    write_report: Callable[[JudgedRun, int], Path] | None = None,
) -> int:
    """Judge the runs of *logs*, print the result, and return the exit code.

    *explain* shows how each log was read, and *why* each part of VaeNllDiverged. *band_edges* replace the default
    edges, *baseline* is the run before, and *loss* the preset of its loss.

    *write_report* is called with each run and its number, counted from 1, and returns the path of the report.
    """
    answer = Answer()
    logging.getLogger("vae_exporter").setLevel(logging.CRITICAL)  # its warnings are for trainers
    try:
        judge_run = partial(
            judge, rules=engine.rule_files(), band_edges=band_edges, baseline=baseline, loss=loss, why=why
        )
        for judged in _judge_all(logs, options, judge_run, answer):
            answer.judged.append(judged)
            if as_text:
                show(console, for_people(judged, explain=explain))
            if write_report:
                _tell(f"wrote the report to {write_report(judged, len(answer.judged))}")
    except VaeExporterError as error:
        _tell(str(error))
        return CANNOT_JUDGE
    except BrokenPipeError:  # the reader closed the pipe, as in `judge log | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_JUDGE
    except Exception:  # noqa: BLE001 - Python would exit with 1, which means that a run would have paged
        traceback.print_exc()
        return CANNOT_JUDGE
    if not as_text:
        sys.stdout.write(json.dumps([as_json(one) for one in answer.judged], indent=2) + "\n")
    elif len(answer.judged) > 1:
        show(console, comparison(answer.judged))
    return answer.exit_code


def _judge_all(
    logs: Sequence[Path],
    options: LogOptions,
    judge_run: Callable[[LoggedRun], Judgement],
    answer: Answer,
) -> Iterator[JudgedRun]:
    names: Counter[str] = Counter()
    for path in logs:
        try:
            for run in read_runs(path, options):
                names[run.name] += 1
                if names[run.name] > 1:
                    run.name = f"{run.name} ({run.file})"[-200:]
                yield JudgedRun(run, judge_run(run))
        except LogError as error:
            _tell(str(error))
            answer.errors.append(str(error))


def _tell(message: str) -> None:
    sys.stderr.write(f"vae-exporter: {message}\n")
