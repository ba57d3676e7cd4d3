"""The notifications about five ways to end a training. Slow, because a run counts as down only after a minute."""

from __future__ import annotations

import json
import signal
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
    import subprocess
    from collections.abc import Iterator

    from vae_exporter.pager import Notification

TRAINER = Path(__file__).parent / "trainers" / "until_told.py"

RUNS = ["ends_well", "exits", "killed", "stopped", "terminated"]


@contextmanager
def trainer(run: str, targets: Path, told: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    command: list[str | Path] = [sys.executable, TRAINER, run, targets, told]
    with log.open("wb") as output, child(command, seconds=240, stdout=output, stderr=output) as process:
        yield process


def alert_of(page: Notification) -> str:
    return str(json.loads(page.raw)["payload"]["class"])


def test_five_ends_have_five_outcomes(tmp_path: Path) -> None:
    targets = tmp_path / "targets"
    targets.mkdir()
    told = {run: tmp_path / f"{run}.told" for run in RUNS}
    sink = PagerSink()

    def heard(kind: str) -> list[Notification]:
        return [notification for notification in sink.notifications if notification.kind == kind]

    with ExitStack() as stack:
        pager = serve(pager_app(sink), host="127.0.0.1", port=0)
        stack.callback(pager.close)
        alertmanager_url = stack.enter_context(alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED))
        url = stack.enter_context(
            prometheus(tmp_path, targets_folder=targets, alertmanager_url=alertmanager_url, intervals=SHORTENED)
        )
        processes = {
            run: stack.enter_context(trainer(run, targets, told[run], tmp_path / f"{run}.log")) for run in RUNS
        }
        wait_until(
            lambda: Prometheus(url).label_values("run_rank:vae_run_state:code == 0", "run") == RUNS,
            "all five runs are running",
        )

        told["ends_well"].write_text("end")
        told["exits"].write_text("exit")
        processes["terminated"].terminate()
        assert processes["ends_well"].wait(30) == 0
        assert processes["exits"].wait(30) == 1
        assert processes["terminated"].wait(30) == 128 + signal.SIGTERM
        # Last, so that a false alarm about another run would arrive before the pages that end this test.
        processes["killed"].kill()
        processes["stopped"].send_signal(signal.SIGSTOP)
        wait_until(lambda: len(heard("page")) >= 3, "three pages", seconds=120)
        wait_until(lambda: len(heard("chat")) >= 4, "the three pages and the ticket in the chat")
        firing = Prometheus(url).query('ALERTS{run!=""}')
        alerts = [(series.labels["run"], series.labels["alertname"]) for series in firing]
        assert Prometheus(url).label_values('up{job="prometheus"} == 1', "job") == ["prometheus"]

    expected_pages = {"killed": "VaeExporterDown", "stopped": "VaeExporterDown", "exits": "VaeRunFailed"}
    assert sorted((page.run, alert_of(page)) for page in heard("page")) == sorted(expected_pages.items())
    (ticket,) = [chat for chat in heard("chat") if chat.run not in expected_pages]
    assert ticket.run == "terminated"
    assert "Run terminated was terminated by a signal" in ticket.title
    assert sorted(alerts) == sorted([*expected_pages.items(), ("terminated", "VaeRunTerminated")])
    assert not heard("resolved")
    assert not heard("update")
    assert sorted(file.name.partition("-rank")[0] for file in targets.iterdir()) == ["killed", "stopped"]
