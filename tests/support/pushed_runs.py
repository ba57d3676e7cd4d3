"""Runs that push: one diverges, one dies and one ends. Whoever judges them has to page for the first two."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from children import child, finished
from deadline import wait_until

if TYPE_CHECKING:
    from vae_exporter.pager import PagerSink
    from vae_exporter.pager.notification import Notification
    from vae_exporter.stack.client import Prometheus

DEADLINE_SECONDS = 120.0
TRAINER = Path(__file__).parents[1] / "otlp" / "trainers" / "pushing.py"
DOWN_SECONDS = 150.0
"""What docs/push.md promises for the page of a process that disappears, 2 minutes, and time for a busy machine."""


@dataclass(frozen=True)
class Outcome:
    """What happened to the runs *diverges*, *dies* and *ends*: the pages, and what the rules say of each."""

    pages: list[str]
    says_that_it_no_longer_pushes: bool
    first_pages: list[str]
    verdicts_of_diverges: list[str]
    alerts_of_dies: list[str]
    alerts_of_ends: list[str]
    state_of_ends: float | None


EXPECTED = Outcome(
    pages=["Run diverges diverged", "Run dies, rank 0, disappeared without reporting its end"],
    says_that_it_no_longer_pushes=True,
    first_pages=["Run diverges diverged"],
    verdicts_of_diverges=["stop"],
    alerts_of_dies=["VaeExporterDown"],
    alerts_of_ends=[],
    state_of_ends=2,
)


def pushed_runs(judging: Prometheus, endpoint: str, sink: PagerSink) -> Outcome:
    """Let the runs push to *endpoint*, where *judging* judges them and notifies *sink*, and return what happened."""
    each_second = {**os.environ, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}

    def received() -> list[Notification]:
        return [one for one in sink.notifications if one.kind == "page"]

    def pages() -> list[str]:
        return [one.title.partition(":")[0].partition(". ")[0] for one in received()]

    def state(run: str) -> float | None:
        return judging.value(f'run_rank:vae_run_state:code{{run="{run}",rank="0"}}')

    def training(run: str) -> list[str | Path]:
        return [sys.executable, TRAINER, run, endpoint]

    with child(training("diverges"), seconds=4 * DEADLINE_SECONDS, env=each_second):
        with child(training("dies"), seconds=4 * DEADLINE_SECONDS, env=each_second):  # the end of the block kills it
            done = finished(training("ends"), env=each_second)
            assert done.returncode == 0, done.stderr
            wait_until(lambda: state("ends") == 2, "it ended", seconds=DEADLINE_SECONDS)
            wait_until(lambda: state("dies") == 0, "it trains", seconds=DEADLINE_SECONDS)
            wait_until(lambda: bool(pages()), "a page", seconds=DEADLINE_SECONDS)
            first_pages = pages()
        wait_until(lambda: len(pages()) > len(first_pages), "another page", seconds=DOWN_SECONDS)
        verdicts = judging.label_values('run:vae_verdict{run="diverges"}', "verdict")

    def alerts(run: str) -> list[str]:
        return judging.label_values(f'ALERTS{{run="{run}",alertstate="firing"}}', "alertname")

    wait_until(lambda: bool(alerts("dies")), "the alert is stored")  # vmalert notifies first
    return Outcome(
        pages=pages(),
        says_that_it_no_longer_pushes="no longer pushes its metrics. This rank was last seen at" in received()[-1].text,
        first_pages=first_pages,
        verdicts_of_diverges=verdicts,
        alerts_of_dies=alerts("dies"),
        alerts_of_ends=alerts("ends"),
        state_of_ends=state("ends"),
    )
