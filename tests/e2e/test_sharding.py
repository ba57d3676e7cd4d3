"""Two Prometheus servers share the runs, with the relabelling of docs/stores.md."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SHARDS = 2
RUNS = [f"run-{number}" for number in range(6)]
RANKS = 2


def shard(number: int, targets: Path) -> dict[str, Any]:
    """Return the documented configuration for one of two servers, with the shipped rules and short intervals."""
    text = (ROOT / "docs" / "stores.md").read_text()
    (example,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", text, re.DOTALL)
    config: dict[str, Any] = yaml.safe_load(example)
    (training,) = config["scrape_configs"]
    training["file_sd_configs"][0]["files"] = [str(targets / "*.json")]
    hashed, kept = training["relabel_configs"]
    hashed["modulus"] = SHARDS
    kept["regex"] = str(number)
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return {"global": intervals, "rule_files": [str(ROOT / "prometheus" / "rules" / "*.yml")], **config}


def exporters(targets: Path) -> Iterator[TrainingExporter]:
    for run in RUNS:
        for rank in range(RANKS):
            yield TrainingExporter(run, rank=rank, port=0, targets_dir=targets, linger_seconds=0, gpus=False)


def test_each_run_is_judged_by_one_server_with_all_its_ranks(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    with ExitStack() as stack:
        for exporter in exporters(targets):
            stack.enter_context(exporter)
            for step in range(200):
                exporter.observe(step, nll=0.15)
        servers = []
        for number in range(SHARDS):
            folder = tmp_path / str(number)
            folder.mkdir()
            options = [f"--storage.tsdb.path={folder / 'data'}"]
            servers.append(
                Prometheus(stack.enter_context(running(Prometheus, folder, shard(number, targets), options)))
            )

        def judged() -> list[list[str]]:
            return [server.label_values('run:vae_verdict{verdict="healthy"}', "run") for server in servers]

        wait_until(lambda: sum(map(len, judged())) >= len(RUNS), "all runs are judged")
        assert sorted(run for runs in judged() for run in runs) == RUNS
        assert all(judged())

        def ranks() -> list[float]:
            return [series.value for server in servers for series in server.query("count by (run) (vae_step)")]

        wait_until(lambda: sum(ranks()) >= RANKS * len(RUNS), "all ranks are scraped")
        assert ranks() == [RANKS] * len(RUNS)
