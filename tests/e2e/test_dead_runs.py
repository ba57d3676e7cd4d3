"""A run that diverges and is killed does not count as recovered."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from children import child
from deadline import wait_until

from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack import servers
from vae_exporter.stack.client import Prometheus

TRAINER = Path(__file__).parent / "trainers" / "diverging.py"


@pytest.mark.usefixtures("impatient")
def test_a_run_that_diverged_and_was_killed_stays_an_open_incident(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    sink = PagerSink()

    def heard(kind: str) -> list[str]:
        # Only of this run: the impatient rules also page that Prometheus has not stored a sample in its first seconds.
        return [found.title for found in sink.notifications if found.kind == kind and "dies" in found.title]

    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        alertmanager_url = stack.enter_context(
            servers.alertmanager(tmp_path, pager_url=pager.url, intervals=servers.SHORTENED)
        )
        url = stack.enter_context(
            servers.prometheus(
                tmp_path, targets_folder=targets, alertmanager_url=alertmanager_url, intervals=servers.SHORTENED
            )
        )
        with child([sys.executable, TRAINER, "dies", targets]):  # the end of the block kills it
            wait_until(lambda: bool(heard("page")), "the page")
        wait_until(lambda: bool(heard("update")), "the notification that it disappeared")
        # Longer than the 5 seconds after which Alertmanager sends the changes of a group.
        gone = 'absent_over_time(run:vae_run:present{run="dies"}[8s])'
        wait_until(lambda: bool(Prometheus(url).query(gone)), "the run is gone from Prometheus")
        pages = Prometheus(url).label_values('ALERTS{run="dies",severity="page"}', "alertname")

    assert pages == ["VaeExporterDown", "VaeNllDiverged"]
    assert len(heard("page")) == 1
    assert len(heard("update")) == 1
    assert heard("update")[0].endswith("(1 of 2 alerts, also VaeExporterDown)")
    assert not heard("resolved")
