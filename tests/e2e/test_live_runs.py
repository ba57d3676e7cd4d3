"""The recorded runs, accelerated, through the real exporter, Prometheus, Alertmanager and pager."""

from __future__ import annotations

import re
import time
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from recorded_runs import LOSS_WEIGHTS, recorded_steps

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.errors import StackError
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.runs.standing import standings
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import Intervals, alertmanager, prometheus

if TYPE_CHECKING:
    from pathlib import Path

STEPS_A_SECOND = 25
"""The runs took 3 seconds per step. A scrape every 5 steps corresponds to the default interval of 15 s."""

INTERVALS = Intervals(scrape="200ms", evaluation="200ms", group_wait="200ms", group_interval="1s")

DEADLINE_SECONDS = 30.0


def test_the_bad_run_pages_once_and_the_good_run_never(tmp_path: Path) -> None:
    sink = PagerSink()
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)
    runs = {
        name: TrainingExporter(name, loss_weights=LOSS_WEIGHTS, port=0, linger_seconds=5).start()
        for name in ("good_run", "bad_run")
    }
    targets = [str(exporter.url).removeprefix("http://") for exporter in runs.values()]
    try:
        with (
            alertmanager(tmp_path, pager_url=pager.url, intervals=INTERVALS) as alertmanager_url,
            prometheus(
                tmp_path, targets=targets, alertmanager_url=alertmanager_url, intervals=INTERVALS
            ) as prometheus_url,
        ):

            def reason(run: str) -> str | None:
                return {one.run: one.reason for one in standings(Prometheus(prometheus_url))}.get(run)

            began = time.monotonic()
            for steps in zip_longest(*map(recorded_steps, runs)):
                for exporter, step in zip(runs.values(), steps, strict=True):
                    if step is not None:
                        exporter.observe(step.number, **step.losses, learning_rate=step.learning_rate)
                number = max(step.number for step in steps if step is not None)
                if number >= 840:  # the bad run has ended: the rest of the good one runs at full speed
                    continue
                time.sleep(max(0.0, began + number / STEPS_A_SECOND - time.monotonic()))
            wait_until(lambda: reason("good_run") == "excellent", "the good run ends excellent")
            assert reason("bad_run") == "VaeNllDiverged"  # it ends before it has been good for three windows
    finally:
        for exporter in runs.values():
            exporter.close()
        pager.close()
    pages = [heard for heard in sink.notifications if heard.kind == "page"]
    assert [page.run for page in pages] == ["bad_run"]
    assert pages[0].title.startswith("Run bad_run diverged: NLL 0.")
    told = re.search(r"step (\d+)", pages[0].text)
    assert told is not None, pages[0].text
    assert 390 <= int(told[1]) <= 500  # an evaluation is some 30 steps after the one before


@pytest.mark.parametrize("missing", ["prometheus", "alertmanager"])
def test_the_error_about_a_server_that_does_not_start_includes_the_end_of_its_log(missing: str, tmp_path: Path) -> None:
    """Neither server starts if its data folder is a file."""
    (tmp_path / missing).write_text("in the way")
    server = (
        prometheus(tmp_path, targets=[], alertmanager_url="http://127.0.0.1:1")
        if missing == "prometheus"
        else alertmanager(tmp_path, pager_url="http://127.0.0.1:1")
    )
    with pytest.raises(StackError, match=f"(?s){missing} did not become ready.*log ends with:.*{missing}"), server:
        pass
