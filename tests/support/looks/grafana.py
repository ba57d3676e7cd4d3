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
from typing import TYPE_CHECKING

import yaml
from children import child
from deadline import wait_until

from vae_exporter.stack.processes import moved

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


@contextmanager
def grafana(home: Path, folder: Path, prometheus_url: str) -> Iterator[str]:
    """Run the Grafana that is installed in *home* with its data in *folder*, and yield its URL."""
    provisioning = folder / "provisioning"
    shutil.copytree(FILES / "provisioning", provisioning, dirs_exist_ok=True)
    for file in provisioning.glob("*/*.yml"):
        settings = moved(yaml.safe_load(file.read_text()), "http://127.0.0.1:9090", prometheus_url)
        settings = moved(settings, "/etc/grafana/dashboards", str(FILES / "dashboards"))
        file.write_text(yaml.safe_dump(settings))
    port = _free_port()
    settings = {
        "SERVER_HTTP_PORT": port,
        "PATHS_DATA": folder / "data",
        "PATHS_LOGS": folder / "logs",
        "PATHS_PLUGINS": folder / "plugins",
        "PATHS_PROVISIONING": provisioning,
        "DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": FILES / "dashboards" / "vae-fleet.json",
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
    with urllib.request.urlopen(f"{url}/api/health", timeout=10) as answer:
        return str(json.load(answer)["version"])


def _answers(url: str) -> bool:
    try:
        return bool(version(url))
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
