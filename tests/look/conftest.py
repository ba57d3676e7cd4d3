"""The servers and the browser of ``make look``."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from looks.grafana import Shown, grafana, version
from looks.hour import Hour, write_hour
from looks.trainings import HOUR
from playwright.sync_api import sync_playwright

from vae_exporter.stack.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]

PORT_OF_THE_DATA_SOURCE = 9090
"""The port of Prometheus in ``grafana/provisioning``."""

SECONDS_AFTER_A_TICK = 90
"""How far the hour ends from a full one: Grafana cuts the label of a tick at the very end of an axis."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("look")
    group.addoption("--grafana", help="the folder of a Grafana, or the URL of one with the project's provisioning")
    group.addoption("--chromium", default=shutil.which("chromium"), help="the browser (default: chromium on PATH)")
    group.addoption("--pictures", type=Path, default=ROOT / ".look", help="where to write the pictures")


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Path:
    """The folder of the pictures."""
    folder: Path = request.config.getoption("--pictures")
    return folder.resolve()


@pytest.fixture(scope="session")
def hour(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hour]:
    """A Prometheus with the simulated hour. It takes minutes to simulate."""
    folder = tmp_path_factory.mktemp("hour")
    end = int(time.time()) // HOUR * HOUR - SECONDS_AFTER_A_TICK
    write_hour(folder, end - HOUR)
    port = PORT_OF_THE_DATA_SOURCE if is_url(request) else 0
    with prometheus(folder, alertmanager_url="http://127.0.0.1:1", port=port) as url:
        yield Hour(url, end - HOUR, end)


@pytest.fixture(scope="session")
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """A Grafana that shows the simulated hour."""
    place = request.config.getoption("--grafana")
    if not place:
        pytest.fail('make look needs a Grafana: ARGS="--grafana FOLDER" or ARGS="--grafana URL"')
    hour: Hour = request.getfixturevalue("hour")
    if is_url(request):
        url = place.rstrip("/")
        yield Shown(url, version(url), hour.start, hour.end)
        return
    with grafana(Path(place).resolve(), tmp_path_factory.mktemp("grafana"), hour.url) as url:
        yield Shown(url, version(url), hour.start, hour.end)


def is_url(request: pytest.FixtureRequest) -> bool:
    """Return whether the Grafana is one that already runs."""
    return str(request.config.getoption("--grafana")).startswith("http")


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=request.config.getoption("--chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()
