"""From a GPU error to the page: the real pynvml on a simulated driver, the real rules and the real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from children import child, line_of
from deadline import wait_until

from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.simulated_gpu import STATE_VARIABLE, SimulatedDriver, a100, build
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import Intervals, alertmanager, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.pager import Notification

INTERVALS = Intervals(scrape="200ms", evaluation="200ms", group_wait="200ms", group_interval="1s")

TRAINER = Path(__file__).parent / "trainers" / "nan_when_told.py"

CARDS = [str(a100(index)["uuid"]) for index in range(2)]


@contextmanager
def trainer(run: str, driver: SimulatedDriver, libraries: Path) -> Iterator[subprocess.Popen[str]]:
    """Train with the simulated driver instead of a real one."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries), STATE_VARIABLE: str(driver.file)}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    command = [sys.executable, str(TRAINER), run]
    with child(command, seconds=180, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        yield process


def test_a_failing_gpu_pages_and_the_page_about_the_loss_names_it(tmp_path: Path) -> None:
    driver = SimulatedDriver(tmp_path / "driver.txt", [a100(index) for index in range(2)])
    build(tmp_path)
    sink = PagerSink()
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)

    def heard(words: str) -> list[Notification]:
        return [told for told in sink.notifications if told.kind in ("page", "update") and words in told.text]

    with trainer("bs4", driver, tmp_path) as process:
        assert process.stdin
        target = line_of(process).strip().removeprefix("http://")
        with (
            alertmanager(tmp_path, pager_url=pager.url, intervals=INTERVALS) as alertmanager_url,
            prometheus(
                tmp_path, targets=[target], alertmanager_url=alertmanager_url, intervals=INTERVALS
            ) as prometheus_url,
        ):
            wait_until(
                lambda: (
                    Prometheus(prometheus_url).label_values("run_gpu:vae_gpu_fault:bool == 0", "gpu")
                    == sorted(3 * CARDS)
                ),
                "both GPUs are healthy",
            )
            driver.answer("gpu.1.xids", "48")
            driver.answer("gpu.1.rows.failed", 1)
            wait_until(lambda: bool(heard("row remap failed")), "a page about the GPU")
            (page, *_) = heard(CARDS[1])
            assert "have the GPU replaced" in heard("row remap failed")[0].text
            assert page.run == "bs4"

            wait_until(
                lambda: (
                    Prometheus(prometheus_url).label_values(
                        'run_gpu:vae_gpu_fault:timestamp_seconds{fault="fatal_xid"}', "gpu"
                    )
                    == [CARDS[1]]
                ),
                "the XID error is recorded",
            )

            process.stdin.write("\n")
            process.stdin.flush()
            wait_until(lambda: bool(heard("NaN or infinite loss")), "a page about the loss")
            text = heard("NaN or infinite loss")[0].text
            assert f"A GPU reported an error at about the same time: {CARDS[1]} (xid" in text
            assert not heard(CARDS[0])

            process.stdin.write("\n")
            process.stdin.flush()
            assert process.wait(30) == 0
    pager.close()
