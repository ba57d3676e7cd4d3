"""A run of four ranks under torchrun: four targets for Prometheus, one page."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from children import child
from deadline import wait_until

from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import SHORTENED, alertmanager, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINER = Path(__file__).parent / "trainers" / "diverging_ranks.py"

RANKS = ["0", "1", "2", "3"]

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


@contextmanager
def torchrun(*arguments: str | Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    launcher = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--local-addr=127.0.0.1",
        f"--nproc-per-node={len(RANKS)}",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": LOOPBACK}
    command = [sys.executable, *launcher, *arguments]
    with (
        log.open("wb") as output,
        child(command, seconds=180, env=environment, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()  # torchrun then stops its ranks, which have their own sessions
            process.wait(30)


def test_four_ranks_that_diverge_are_one_page(tmp_path: Path) -> None:
    targets, told, log = tmp_path / "targets", tmp_path / "told", tmp_path / "torchrun.log"
    targets.mkdir()
    sink = PagerSink()

    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        alertmanager_url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        url = stack.enter_context(
            prometheus(tmp_path, targets_folder=targets, alertmanager_url=alertmanager_url, intervals=SHORTENED)
        )
        launcher = stack.enter_context(torchrun(TRAINER, "four-ranks", targets, told, log=log))
        up = 'up{run="four-ranks"} == 1'
        wait_until(lambda: Prometheus(url).label_values(up, "rank") == RANKS, "four targets", seconds=120)
        wait_until(
            lambda: Prometheus(url).label_values('vae_loss{run="four-ranks"} == 1', "rank") == RANKS,
            "all four have diverged",
        )
        wait_until(lambda: any(heard.kind == "page" for heard in sink.notifications), "the page")
        pages = Prometheus(url).label_values('ALERTS{run="four-ranks",severity="page"}', "alertname")
        assert pages == ["VaeNllDiverged"]

        told.touch()
        assert launcher.wait(30) == 0, log.read_text()
        assert not list(targets.iterdir())
        wait_until(
            lambda: Prometheus(url).label_values('run_rank:vae_run_state:code{run="four-ranks"} == 2', "rank") == RANKS,
            "all four ranks have finished",
        )

    titles = [heard.title for heard in sink.notifications if heard.kind in ("page", "update")]
    assert len(titles) == 1
    assert titles[0].startswith("Run four-ranks diverged: NLL ")
