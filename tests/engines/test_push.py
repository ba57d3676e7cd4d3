"""A run that is pushed by OTLP to VictoriaMetrics gets the series and the pages of one that is scraped."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from pushed_runs import DEADLINE_SECONDS, EXPECTED, pushed_runs
from pushed_series import series_of
from victoriametrics import Server, agent, ruler, shipped

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import SHORTENED, alertmanager
from vae_rules.__main__ import generated
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVER = "opentelemetry/v1/metrics"
PUSH_MILLISECONDS = "1000"
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(4 * DEADLINE_SECONDS)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", PUSH_MILLISECONDS)
    with shipped("victoria-metrics", tmp_path / "store", {"/storage": f"{tmp_path}/data", "=15s": "=1ms"}) as server:
        yield server


def test_a_push_has_the_series_of_a_scrape(store: Server, tmp_path: Path) -> None:
    exporter = TrainingExporter(
        "r", rank=0, port=0, linger_seconds=0, gpus=False, otlp_endpoint=f"{store.url}/{RECEIVER}"
    )
    with exporter, agent("a", [str(exporter.url).removeprefix("http://")], tmp_path / "agent", store):
        for step in range(200):
            exporter.observe(step, nll=0.15, rec=0.01, perception=0.05)
        series = partial(series_of, Prometheus(store.url))
        scraped, pushed = 'run="r",job="vae-training"', 'run="r",service_name="vae-training"'
        wait_until(lambda: len(series(scraped)) > 100, "a scrape", seconds=DEADLINE_SECONDS)
        wait_until(lambda: series(pushed) == series(scraped), "the same series", seconds=DEADLINE_SECONDS)


def test_pushed_runs_page_when_they_diverge_and_when_they_disappear_but_not_when_they_end(
    store: Server, tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for path, text in generated(ROOT, Identity(), inlines_pages=True).items():
        if path.parent == ROOT / "prometheus" / "rules":
            (rules / path.name).write_text(text, encoding="utf-8")
    sink = PagerSink()
    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        # VaeSamplesNotStored needs something that is scraped: see docs/push.md.
        stack.enter_context(agent("a", [url.removeprefix("http://")], tmp_path / "agent", store))
        stack.enter_context(ruler(tmp_path / "vmalert", rules, store, url, query_step="1m"))
        assert pushed_runs(Prometheus(store.url), f"{store.url}/{RECEIVER}", sink) == EXPECTED
