"""A run that pushes to Prometheus's own OTLP receiver gets the series and the pages of one that is scraped."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from otlp_prometheus import RECEIVER, receiver
from pushed_runs import DEADLINE_SECONDS, EXPECTED, pushed_runs
from pushed_series import series_of

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.servers import SHORTENED, alertmanager

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.timeout(4 * DEADLINE_SECONDS)


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


def test_pushed_runs_page_when_they_diverge_and_when_they_disappear_but_not_when_they_end(tmp_path: Path) -> None:
    sink = PagerSink()
    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        judging = stack.enter_context(receiver(tmp_path, alertmanager_url=url))
        assert pushed_runs(judging, f"{judging.url}/{RECEIVER}", sink) == EXPECTED
