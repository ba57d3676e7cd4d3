"""Let Prometheus run out of storage: the heartbeat stops, and a page arrives all the same."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from deadline import wait_until

from vae_exporter._serve.http import serve
from vae_exporter.pager import PagerSink, pager_app
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.processes import running
from vae_exporter.stack.servers import SHORTENED, alertmanager

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the files of another process")

TITLE = "Prometheus stores no samples"


@pytest.fixture
def sink() -> PagerSink:
    return PagerSink()


@pytest.fixture
def server(sink: PagerSink, tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes itself and notifies *sink* through Alertmanager."""
    pager = serve(pager_app(sink), host="127.0.0.1", port=0)
    try:
        with (
            alertmanager(tmp_path, pager_url=pager.url, intervals=SHORTENED) as alertmanager_url,
            running(Prometheus, tmp_path, config(tmp_path, alertmanager_url), [storage(tmp_path)]) as url,
        ):
            yield Prometheus(url)
    finally:
        pager.close()


def storage(folder: Path) -> str:
    return f"--storage.tsdb.path={folder / 'prometheus'}"


def config(folder: Path, alertmanager_url: str) -> dict[str, object]:
    """Return a configuration with the shipped rules about the monitoring, in which 90 s are 5 s and a minute is 1 s."""
    rules = yaml.safe_load((stack_folder() / "prometheus" / "rules" / "liveness.yml").read_text())
    shipped = {rule["alert"]: rule for rule in rules["groups"][0]["rules"] if "alert" in rule}
    about_storage = [shipped["VaeSamplesNotStored"], shipped["Watchdog"]]
    assert "<= 90" in about_storage[0]["expr"]
    for rule in about_storage:
        rule["expr"] = rule["expr"].replace("<= 90", "<= 5")
    about_storage[0]["for"] = "1s"
    file = folder / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "vae_liveness", "rules": about_storage}]}))
    address = alertmanager_url.removeprefix("http://")
    return {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"},
        "rule_files": [str(file)],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [address]}]}]},
        "scrape_configs": [{"job_name": "prometheus", "static_configs": [{"targets": ["127.0.0.1:9090"]}]}],
    }


def process_with(argument: str) -> int:
    """Return the ID of the process that was started with *argument*."""
    commands = {int(file.parent.name): file.read_bytes().split(b"\0") for file in Path("/proc").glob("[0-9]*/cmdline")}
    (found,) = (process for process, command in commands.items() if argument.encode() in command)
    return found


def limit_files(process: int, size: int) -> None:
    """Let *process* write no file beyond *size* bytes, as on a full disk."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_pages_and_stops_the_heartbeat_until_there_is_space(
    server: Prometheus, sink: PagerSink, tmp_path: Path
) -> None:
    def firing() -> set[str]:
        return {alert["labels"]["alertname"] for alert in server.alerts() if alert["state"] == "firing"}

    def kinds() -> list[str]:
        return [one.kind for one in sink.notifications if TITLE in one.title]

    wait_until(lambda: firing() == {"Watchdog"}, "samples are stored")
    wait_until(lambda: sink.last_heartbeat is not None, "a heartbeat")
    assert kinds() == []
    process = process_with(storage(tmp_path))

    limit_files(process, 0)
    wait_until(lambda: firing() == {"VaeSamplesNotStored"}, "the page about the storage, and no Watchdog")
    wait_until(lambda: "page" in kinds(), "the page arrives")

    limit_files(process, resource.RLIM_INFINITY)
    wait_until(lambda: firing() == {"Watchdog"}, "samples are stored again")
