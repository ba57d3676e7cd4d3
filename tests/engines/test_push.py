"""Runs that are pushed by OTLP instead of scraped get the same series and the same pages."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import child, finished
from deadline import wait_until
from victoriametrics import ALERTMANAGER, STORE, Server, agent, shipped

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import SHORTENED, alertmanager
from vae_rules.__main__ import generated
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TRAINER = Path(__file__).parent / "trainers" / "pushing.py"
RECEIVER = "opentelemetry/v1/metrics"
PUSH_MILLISECONDS = "1000"
DEADLINE_SECONDS = 120.0

pytestmark = pytest.mark.timeout(4 * DEADLINE_SECONDS)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", PUSH_MILLISECONDS)
    with shipped("victoria-metrics", tmp_path / "store", {"/storage": f"{tmp_path}/data", "=15s": "=1ms"}) as server:
        yield server


@pytest.fixture
def impatient_rules(tmp_path: Path) -> Path:
    """The rules for vmalert, for which a run is gone after 15 seconds, and each `for` takes 5 seconds."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for path, text in generated(ROOT, Identity(), inlines_pages=True).items():
        if path.parent == ROOT / "prometheus" / "rules":
            (folder / path.name).write_text(re.sub(r"for: \dm\b", "for: 5s", text.replace("[2m]", "[15s]")))
    return folder


def test_a_push_has_the_series_of_a_scrape(store: Server, tmp_path: Path) -> None:
    exporter = TrainingExporter(
        "r", rank=0, port=0, linger_seconds=0, gpus=False, otlp_endpoint=f"{store.url}/{RECEIVER}"
    )
    with exporter, agent("a", [str(exporter.url).removeprefix("http://")], tmp_path / "agent", store):
        for step in range(200):
            exporter.observe(step, nll=0.15, rec=0.01, perception=0.05)

        def names(which: str) -> set[tuple[tuple[str, str], ...]]:
            of_the_server = {"cluster", "instance", "job", "scope_name", "scope_version", "service_instance_id"}
            return {
                tuple(
                    sorted(
                        (key, value.removesuffix(".0"))
                        for key, value in series.labels.items()
                        if key not in of_the_server | {"service_name"}
                    )
                )
                for series in Prometheus(store.url).query(f'last_over_time({{run="r",{which}}}[1m])')
            }

        scraped, pushed = 'job="vae-training"', 'service_name="vae-training"'
        wait_until(lambda: len(names(scraped)) > 100, "a scrape", seconds=DEADLINE_SECONDS)
        wait_until(lambda: names(pushed) == names(scraped), "the same series", seconds=DEADLINE_SECONDS)


def test_pushed_runs_page_when_they_diverge_and_when_they_disappear_but_not_when_they_end(
    store: Server, impatient_rules: Path, tmp_path: Path
) -> None:
    sink = PagerSink()
    endpoint = f"{store.url}/{RECEIVER}"
    series = Prometheus(store.url)

    def pages(run: str) -> list[str]:
        return series.label_values(f'ALERTS{{run="{run}",severity="page",alertstate="firing"}}', "alertname")

    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        replaced = {
            "/etc/rules": str(impatient_rules),
            STORE: store.address,
            ALERTMANAGER: url.removeprefix("http://"),
            "-evaluationInterval=5s": "-evaluationInterval=2s",
            "-datasource.queryStep=5m": "-datasource.queryStep=15s",
        }
        stack.enter_context(shipped("vmalert", tmp_path / "vmalert", replaced))
        with child([sys.executable, TRAINER, "dies", endpoint, "diverge"], seconds=DEADLINE_SECONDS, env=os.environ):
            done = finished([sys.executable, TRAINER, "ends", endpoint, "end"], env=os.environ)
            assert done.returncode == 0, done.stderr
            wait_until(lambda: pages("dies") == ["VaeNllDiverged"], "it diverged", seconds=DEADLINE_SECONDS)
        both = ["VaeExporterDown", "VaeNllDiverged"]
        wait_until(lambda: pages("dies") == both, "it disappeared", seconds=DEADLINE_SECONDS)
        assert series.value('run_rank:vae_run_state:code{run="ends"}') == 2
        assert not pages("ends")
    titles = [one.title.partition(":")[0] for one in sink.notifications if one.kind == "page" and one.run]
    assert titles == ["Run dies diverged"]
