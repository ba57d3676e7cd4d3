"""Measure the time from the step that crosses the bad edge to the page, at the default intervals and those of the demo.

Several good runs jump one after the other, each at another phase of the scrape and evaluation intervals. The time of a
run starts at the step with which its newest long window is bad throughout, and ends when the pager receives the page of
VaeNllDiverged. Tickets, which are sent later, do not count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter import TrainingExporter
from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.runs.standing import standings
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import AS_SHIPPED, SHORTENED, Intervals, alertmanager, prometheus

if TYPE_CHECKING:
    from vae_exporter.pager.notification import Notification

RUNS = 8
APART_SECONDS = 3.7  # not a multiple of an interval
GOOD_STEPS, GOOD_NLL = 200, 0.15
BAD_STEPS, BAD_NLL = 100, 0.60  # with fewer, the standard error of the window leaves it in doubt
DEADLINE_SECONDS = 180


def page_seconds(intervals: Intervals) -> list[float]:
    """Return the seconds from the crossing step to the page, for each run, in ascending order."""
    crossed: dict[str, float] = {}
    paged: dict[str, float] = {}

    def note_page(notification: Notification) -> None:
        if notification.kind == "page":
            paged.setdefault(str(notification.run), notification.received_at)

    sink = PagerSink(clock=time.monotonic, on_notification=note_page)
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)
    exporters = [
        TrainingExporter(f"run-{number}", port=0, linger_seconds=0, gpus=False).start() for number in range(RUNS)
    ]
    targets = [str(exporter.url).removeprefix("http://") for exporter in exporters]
    with (
        tempfile.TemporaryDirectory() as folder,
        alertmanager(Path(folder), pager_url=pager.url, intervals=intervals) as alertmanager_url,
        prometheus(
            Path(folder), targets=targets, alertmanager_url=alertmanager_url, intervals=intervals
        ) as prometheus_url,
    ):
        for exporter in exporters:
            for step in range(GOOD_STEPS):
                exporter.observe(step, nll=GOOD_NLL)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while [run.verdict for run in standings(Prometheus(prometheus_url))] != ["healthy"] * RUNS:
            _wait(deadline)
        for number, exporter in enumerate(exporters):
            for step in range(GOOD_STEPS, GOOD_STEPS + BAD_STEPS):
                exporter.observe(step, nll=BAD_NLL)
            crossed[f"run-{number}"] = time.monotonic()
            time.sleep(APART_SECONDS)
        while not crossed.keys() <= paged.keys():
            _wait(deadline)
    for exporter in exporters:
        exporter.close()
    pager.close()
    return sorted(paged[run] - crossed[run] for run in crossed)


def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise SystemExit(f"not all runs became healthy and paged within {DEADLINE_SECONDS} s")
    time.sleep(0.2)


def main() -> None:
    """Measure, and print a table."""
    print(f"{'intervals':12}{'shortest':>10}{'median':>10}{'longest':>10}   seconds, {RUNS} runs")
    for name, intervals in {"as shipped": AS_SHIPPED, "demo": SHORTENED}.items():
        seconds = page_seconds(intervals)
        print(f"{name:12}{seconds[0]:10.1f}{statistics.median(seconds):10.1f}{seconds[-1]:10.1f}")


if __name__ == "__main__":
    main()
