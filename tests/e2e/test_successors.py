"""A run that diverged, was ended as its page says, and goes on under another name."""

from __future__ import annotations

import signal
import sys
import time
from itertools import chain, count, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import child
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter.stack import servers
from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterable

TRAINER = Path(__file__).parent / "trainers" / "diverging.py"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_resumes_another_takes_over_its_level_and_clears_its_alerts(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    with servers.prometheus(
        tmp_path, targets_folder=targets, alertmanager_url="http://127.0.0.1:1", intervals=servers.SHORTENED
    ) as url:
        server = Prometheus(url)

        def alerts(run: str) -> list[str]:
            return server.label_values(f'ALERTS{{run="{run}",alertstate="firing"}}', "alertname")

        with child([sys.executable, TRAINER, "job-1", targets]) as process:
            wait_until(lambda: "VaeNllDiverged" in alerts("job-1"), "the page")
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
        wait_until(lambda: bool(server.query('run_rank:vae_run_state:code{run="job-1"} == 3')), "its end")
        with TrainingExporter("job-2", resumes="job-1", start_step=150, targets_dir=targets, port=0, gpus=False) as run:
            began = time.monotonic()

            def train_until(series: str, steps: Iterable[int]) -> None:
                for step in steps:
                    run.observe(step, nll=0.16)
                    if server.query(series):
                        return
                    assert time.monotonic() < began + 60, series
                    time.sleep(0.05)

            # It has a best of its own after 100 steps, so it waits for the inherited one before.
            few_steps = chain(range(150, 200), repeat(200))
            train_until('run:vae_nll:best{run="job-2"} unless run:vae_nll:own_best', few_steps)
            level = server.value('run:vae_nll:best{run="job-2"}')
            train_until('absent(ALERTS{run="job-1",severity="page"})', count(201))
            tickets = server.query('max_over_time(ALERTS{alertname="VaeRunTerminated"}[10m])')

    assert level == pytest.approx(0.15)
    assert not tickets
