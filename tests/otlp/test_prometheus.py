"""A run that pushes to Prometheus's own OTLP receiver gets the series and the pages of one that is scraped."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import child, finished
from deadline import wait_until
from otlp_prometheus import RECEIVER, receiver
from pushed_series import series_of

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.servers import SHORTENED, alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vae_exporter.pager.notification import Notification
    from vae_exporter.stack.client import Prometheus

TRAINER = Path(__file__).parent / "trainers" / "pushing.py"
DEADLINE_SECONDS = 120.0
DOWN_SECONDS = 150.0
"""What docs/push.md promises for the page of a process that disappears, 2 minutes, and time for a busy machine."""

DIVERGED, DISAPPEARED = "Run diverges diverged", "Run dies, rank 0, disappeared without reporting its end"

pytestmark = pytest.mark.timeout(4 * DEADLINE_SECONDS)


@pytest.fixture
def each_second() -> Mapping[str, str]:
    """The environment of a training that pushes every second."""
    return {**os.environ, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}


@pytest.fixture
def sink() -> PagerSink:
    return PagerSink()


@pytest.fixture
def judging(sink: PagerSink, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that judges what it receives, and notifies *sink* through Alertmanager."""
    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        yield stack.enter_context(receiver(tmp_path, alertmanager_url=url))


def test_a_push_has_the_series_of_a_scrape_and_the_promoted_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "cluster=a")
    targets = tmp_path / "targets"
    targets.mkdir()
    with receiver(tmp_path, targets_folder=targets) as store:
        endpoint = f"{store.url}/{RECEIVER}"
        with TrainingExporter("r", port=0, targets_dir=targets, gpus=False, otlp_endpoint=endpoint) as exporter:
            for step in range(200):
                exporter.observe(step, nll=0.15, rec=0.01, perception=0.05)
            address = str(exporter.url).removeprefix("http://")
            scraped = f'__name__=~"vae_.*",instance="{address}"'
            pushed = f'__name__=~"vae_.*",instance=~".*:{os.getpid()}"'
            series = partial(series_of, store)
            wait_until(lambda: len(series(scraped)) > 100, "a scrape", seconds=DEADLINE_SECONDS)
            wait_until(lambda: series(pushed) == series(scraped), "the same series", seconds=DEADLINE_SECONDS)
            senders = [one.labels for one in store.query(f"count by (job, cluster) ({{{pushed}}})")]
        assert senders == [{"job": "vae-training", "cluster": "a"}]


def test_pushed_runs_page_when_they_diverge_and_when_they_disappear_but_not_when_they_end(
    judging: Prometheus, sink: PagerSink, each_second: Mapping[str, str]
) -> None:
    def received() -> list[Notification]:
        return [one for one in sink.notifications if one.kind == "page"]

    def pages() -> list[str]:
        return [one.title.partition(":")[0].partition(". ")[0] for one in received()]

    def state(run: str) -> float | None:
        return judging.value(f'run_rank:vae_run_state:code{{run="{run}",rank="0"}}')

    def training(run: str) -> list[str | Path]:
        return [sys.executable, TRAINER, run, f"{judging.url}/{RECEIVER}"]

    with child(training("diverges"), seconds=4 * DEADLINE_SECONDS, env=each_second):
        with child(training("dies"), seconds=4 * DEADLINE_SECONDS, env=each_second):  # the end of the block kills it
            done = finished(training("ends"), env=each_second)
            assert done.returncode == 0, done.stderr
            wait_until(lambda: state("ends") == 2, "it ended", seconds=DEADLINE_SECONDS)
            wait_until(lambda: state("dies") == 0, "it trains", seconds=DEADLINE_SECONDS)
            wait_until(lambda: bool(pages()), "a page", seconds=DEADLINE_SECONDS)
            assert pages() == [DIVERGED]
        wait_until(lambda: len(pages()) > 1, "another page", seconds=DOWN_SECONDS)
        verdicts = judging.label_values('run:vae_verdict{run="diverges"}', "verdict")

    assert pages() == [DIVERGED, DISAPPEARED]
    assert "no longer pushes its metrics. This rank was last seen at" in received()[-1].text
    assert verdicts == ["stop"]
    assert judging.label_values('ALERTS{run="dies",alertstate="firing"}', "alertname") == ["VaeExporterDown"]
    assert state("ends") == 2
    assert not judging.query('ALERTS{run="ends"}')
