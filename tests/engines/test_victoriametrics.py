"""Two clusters write to one VictoriaMetrics, and vmalert judges their runs with the shipped settings."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from victoriametrics import agent, ruler, shipped

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import alertmanager
from vae_rules.__main__ import generated
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RUN = "bs4"
AGENTS = {"first": ("a", 0), "its replica": ("a", 0), "second": ("b", 1)}
"""The cluster of each agent, and which of the runs it scrapes."""

GOOD_STEPS, BAD_STEPS = 200, 100
DEADLINE_SECONDS = 240.0

pytestmark = pytest.mark.timeout(3 * DEADLINE_SECONDS)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A clone with the rules for runs of several clusters and for a ruler that reads recorded parts late."""
    for path, text in generated(ROOT, Identity.parse("cluster,run"), inlines_pages=True).items():
        file = tmp_path / "clone" / path.relative_to(ROOT)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (tmp_path / "clone" / "alertmanager" / "templates").symlink_to(ROOT / "alertmanager" / "templates")
    return tmp_path / "clone"


@pytest.fixture
def runs() -> Iterator[list[TrainingExporter]]:
    """Two runs with one name."""
    with ExitStack() as stack:
        runs = [
            # of different ranks, because a process has one exporter for each rank of a run
            stack.enter_context(TrainingExporter(RUN, rank=rank, port=0, linger_seconds=0, gpus=False))
            for rank in range(2)
        ]
        yield runs


@pytest.fixture
def judged(tmp_path: Path, rules: Path, runs: list[TrainingExporter]) -> Iterator[tuple[Prometheus, PagerSink]]:
    """The store with what the agents write and vmalert records, and the pager that Alertmanager notifies."""
    sink = PagerSink()
    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        alertmanager_url = stack.enter_context(
            alertmanager(tmp_path, pager_url=pager.url, config_file=rules / "alertmanager" / "alertmanager.yml")
        )
        store = stack.enter_context(shipped("victoria-metrics", tmp_path / "store", {"/storage": f"{tmp_path}/data"}))
        for name, (cluster, run) in AGENTS.items():
            target = str(runs[run].url).removeprefix("http://")
            stack.enter_context(agent(cluster, [target], tmp_path / name, store))
        stack.enter_context(ruler(tmp_path / "vmalert", rules / "prometheus" / "rules", store, alertmanager_url))
        yield Prometheus(store.url), sink


def test_runs_with_one_name_in_two_clusters_are_two_incidents_and_a_pair_of_agents_is_one(
    judged: tuple[Prometheus, PagerSink], runs: list[TrainingExporter]
) -> None:
    store, sink = judged

    def pages() -> list[str]:
        return sorted(one.title.partition(":")[0] for one in sink.notifications if one.kind == "page")

    for run in runs:
        for step in range(GOOD_STEPS):
            run.observe(step, nll=0.15)
    healthy = 'run:vae_verdict{verdict="healthy"}'
    wait_until(lambda: store.label_values(healthy, "cluster") == ["a", "b"], "healthy", seconds=DEADLINE_SECONDS)
    assert store.label_values("vae_step", "cluster") == ["a", "b"]
    assert not pages()

    for run in runs:
        for step in range(GOOD_STEPS, GOOD_STEPS + BAD_STEPS):
            run.observe(step, nll=0.6)
    expected = [f"Run a/{RUN} diverged", f"Run b/{RUN} diverged"]
    wait_until(lambda: pages() == expected, "one page for each cluster", seconds=DEADLINE_SECONDS)
    text = next(one.text for one in sink.notifications if one.kind == "page")
    assert "The mean NLL of the last 100 steps is 0.6, above 0.3 (bad)" in text
