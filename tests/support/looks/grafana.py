"""A Grafana that shows the simulated hour, provisioned from the project's own files."""

from __future__ import annotations

import json
import os
import shutil
import socket
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from children import child
from deadline import wait_until

from vae_dashboards.__main__ import write
from vae_exporter.stack.processes import moved
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = Path(__file__).parents[3] / "grafana"

READY_SECONDS = 120.0

SPARKLINES = "timeSeriesTable"
"""The feature toggle of the transformation behind the sparklines, before Grafana 11 enabled it."""


@dataclass(frozen=True)
class Shown:
    """The Grafana at *url* that shows the simulated hour from *start* to *end*, in Unix seconds."""

    url: str
    version: str
    start: int
    end: int

    def titles(self, uid: str) -> set[str]:
        """Return the titles of the panels of a dashboard, without its rows."""
        panels = _get(f"{self.url}/api/dashboards/uid/{uid}")["dashboard"]["panels"]
        return {panel["title"] for panel in panels if panel["type"] != "row"}


@contextmanager
def grafana(home: Path, folder: Path, prometheus_url: str) -> Iterator[str]:
    """Run the Grafana that is installed in *home* with its data in *folder*, and yield its URL.

    Its dashboards show the pictures of the outputs.
    """
    provisioning, boards = folder / "provisioning", folder / "dashboards"
    write(boards, Identity(), has_pictures=True)
    shutil.copytree(FILES / "provisioning", provisioning, dirs_exist_ok=True)
    for file in provisioning.glob("*/*.yml"):
        settings = moved(yaml.safe_load(file.read_text()), "http://127.0.0.1:9090", prometheus_url)
        settings = moved(settings, "/etc/grafana/dashboards", str(boards))
        file.write_text(yaml.safe_dump(settings))
    port = _free_port()
    settings = {
        "SERVER_HTTP_PORT": port,
        "PATHS_DATA": folder / "data",
        "PATHS_LOGS": folder / "logs",
        "PATHS_PLUGINS": folder / "plugins",
        "PATHS_PROVISIONING": provisioning,
        "DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": boards / "vae-fleet.json",
        "FEATURE_TOGGLES_ENABLE": SPARKLINES,
    }
    environment = {**os.environ, **{f"GF_{name}": str(value) for name, value in settings.items()}}
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        home / "bin" / "grafana",
        "server",
        "--homepath",
        home,
        "--config",
        FILES / "grafana.ini",
    ]
    with (
        (folder / "grafana.log").open("w") as log,
        child(command, seconds=3600, env=environment, stdout=log, stderr=log) as process,
    ):
        wait_until(lambda: process.poll() is not None or _answers(url), "Grafana is ready", seconds=READY_SECONDS)
        assert process.poll() is None, (folder / "grafana.log").read_text()[-2000:]
        yield url


def version(url: str) -> str:
    """Return the version of the Grafana at *url*."""
    return str(_get(f"{url}/api/health")["version"])


def _get(url: str) -> Any:  # noqa: ANN401 - any JSON
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _answers(url: str) -> bool:
    try:
        return bool(version(url))
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
