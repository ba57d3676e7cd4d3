"""The command ``vae-exporter judge``: many logs, one answer."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter.errors import LogError, VaeExporterError
from vae_exporter.judge import engine
from vae_exporter.judge.judgement import judge
from vae_exporter.judge.logs.logged_run import LogOptions, read_runs
from vae_exporter.judge.printing import JudgedRun, as_json, comparison, for_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console, RenderableType

HEALTHY = 0
PAGED = 1
BAD_INPUT = 2
CANNOT_JUDGE = 3
"""There is no promtool, or something is wrong with this program: an answer of 0 or 1 would be a lie."""


@dataclass
class Answer:
    """What came of some logs."""

    judged: list[JudgedRun] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Tell a shell: bad input first, for then the answer is not whole."""
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
    write_report: Callable[[JudgedRun, int], Path] | None = None,
) -> int:
    """Judge the runs of *logs*, print what came of it on *console*, and return the exit code.

    *write_report* is given each run and its number, from 1 on, and returns where it wrote the page about it.
    """
    answer = Answer()
    logging.getLogger("vae_exporter").setLevel(logging.CRITICAL)  # what it tells a trainer is nothing to this reader
    try:
        for judged in _judge_all(logs, options, answer):
            answer.judged.append(judged)
            if as_text:
                _show(console, for_people(judged, explain=explain))
            if write_report:
                _tell(f"the report is in {write_report(judged, len(answer.judged))}")
    except VaeExporterError as error:
        _tell(str(error))
        return CANNOT_JUDGE
    except BrokenPipeError:  # who reads it has read enough: `judge log | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_JUDGE
    except Exception:  # noqa: BLE001 - Python would exit with 1, which says that a page would have rung
        traceback.print_exc()
        return CANNOT_JUDGE
    if not as_text:
        sys.stdout.write(json.dumps([as_json(one) for one in answer.judged], indent=2) + "\n")
    elif len(answer.judged) > 1:
        _show(console, comparison(answer.judged))
    return answer.exit_code


def _judge_all(logs: Sequence[Path], options: LogOptions, answer: Answer) -> Iterator[JudgedRun]:
    rules = engine.rule_files()
    names: Counter[str] = Counter()
    for path in logs:
        try:
            for run in read_runs(path, options):
                names[run.name] += 1
                if names[run.name] > 1:
                    run.name = f"{run.name} ({run.file})"[-200:]
                yield JudgedRun(run, judge(run, rules=rules))
        except LogError as error:
            _tell(str(error))
            answer.errors.append(str(error))


def _show(console: Console, what: RenderableType) -> None:
    """Print *what*; to what is no terminal without the spaces that fill up the lines of a table."""
    if console.is_terminal:
        console.print(what)
        return
    with console.capture() as capture:
        console.print(what)
    sys.stdout.write("\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n")


def _tell(message: str) -> None:
    sys.stderr.write(f"vae-exporter: {message}\n")
