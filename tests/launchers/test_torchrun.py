"""How runs end under torchrun, as Prometheus sees it. Slow: who is gone has a minute to come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import child
from deadline import wait_until

from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import SHORTENED, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINER = Path(__file__).parent / "trainers" / "ends_when_told.py"

RANKS = 2

RUNS = ["canceled", "killed", "nan", "raises"]

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class Job:
    """A run of two ranks under torchrun."""

    def __init__(self, run: str, folder: Path) -> None:
        self.run = run
        self.folder = folder
        self.told = folder / f"{run}.told"

    def launched(self, stack: ExitStack) -> Job:
        options = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={RANKS}"]
        command = [sys.executable, "-m", "torch.distributed.run", *options]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": LOOPBACK}
        output = stack.enter_context((self.folder / f"{self.run}.log").open("wb"))
        self.launcher = stack.enter_context(
            child(
                [*command, TRAINER, self.run, self.folder / "targets", self.told],
                seconds=600,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        )
        stack.callback(self.cancel)  # the ranks are in sessions of their own
        return self

    def pids(self) -> Iterator[int]:
        for rank in range(RANKS):
            file = self.folder / f"{self.run}-{rank}.pid"
            if file.exists():
                yield int(file.read_text())

    def cancel(self) -> None:
        """Signal every process of the job at once, as scancel does. torchrun signals its ranks once more."""
        for pid in (*self.pids(), self.launcher.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


@pytest.mark.timeout(600)
def test_an_end_survives_its_launcher(tmp_path: Path) -> None:
    (tmp_path / "targets").mkdir()
    with ExitStack() as stack:
        url = stack.enter_context(
            prometheus(
                tmp_path,
                targets_folder=tmp_path / "targets",
                alertmanager_url="http://127.0.0.1:1",
                intervals=SHORTENED,
            )
        )
        jobs = {run: Job(run, tmp_path).launched(stack) for run in RUNS}
        running = "count by (run) (run_rank:vae_run_state:code == 0) == 2"
        wait_until(lambda: Prometheus(url).label_values(running, "run") == RUNS, "all runs run", seconds=180)

        jobs["nan"].told.write_text("nan")
        jobs["raises"].told.write_text("raise 0")
        jobs["canceled"].cancel()
        os.kill(list(jobs["killed"].pids())[1], signal.SIGKILL)  # last: its page ends this test

        firing = 'ALERTS{run!="",alertstate="firing"}'
        wait_until(
            lambda: "VaeExporterDown" in Prometheus(url).label_values(firing, "alertname"), "the page", seconds=120
        )
        alerts = {
            (series.labels["run"], series.labels.get("rank", ""), series.labels["alertname"])
            for series in Prometheus(url).query(firing)
        }
        assert alerts == {
            ("nan", "", "VaeLossNonfinite"),
            ("nan", "", "VaeRunFailed"),
            ("raises", "", "VaeRunFailed"),
            ("canceled", "", "VaeRunTerminated"),
            ("killed", "1", "VaeExporterDown"),
            ("killed", "", "VaeRunTerminated"),
        }

        wait_until(lambda: jobs["canceled"].launcher.poll() is not None, "the end of the run that is requeued")
        Job("canceled", tmp_path).launched(stack)
        wait_until(lambda: Prometheus(url).label_values(running, "run") == ["canceled"], "it runs again", seconds=180)
        fires = f"count by (run) ({firing})"
        wait_until(
            lambda: Prometheus(url).label_values(fires, "run") == ["killed", "nan", "raises"], "its ticket resolves"
        )
        for run in RUNS:
            assert "Exception ignored" not in (tmp_path / f"{run}.log").read_text()
