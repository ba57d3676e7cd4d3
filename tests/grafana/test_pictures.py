"""The pictures on dashboards that were written with ``--pictures``."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest
from children import finished
from dashboard_files import DASHBOARDS, ROOT
from stored_series import store

from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="grafana-foundation-sdk needs Python 3.11")

NOW = int(time.time()) // 60 * 60

SERIES = {
    'vae_outputs_every_steps{run="each",picture_url="https://host/a/{step}.png?width=800"}': 500,
    'vae_outputs_every_steps{run="one",picture_url="https://host/newest.png"}': 0,
    'run:vae_step:max{run="each"}': 1234567,
    'run:vae_step:max{run="one"}': 999,
    'run:vae_nll:level_step{run="each"}': 499,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("pictures")
    store(folder, (f"{series} {value} {NOW}" for series, value in SERIES.items()))
    with prometheus(folder, alertmanager_url="http://127.0.0.1:1") as url:
        yield Prometheus(url)


def pictures(stored: Prometheus, run: str, step: str, *, at: float = NOW) -> list[str]:
    from vae_dashboards.run.pictures import picture_at  # noqa: PLC0415 - not for Python 3.10

    found = stored.query(picture_at(step).replace("$run", run).replace("$__range", "1h"), at=at)
    return [series.labels["picture"] for series in found]


def test_the_newest_picture_is_that_of_the_last_multiple_of_the_interval(stored: Prometheus) -> None:
    from vae_dashboards.run.pictures import NEWEST  # noqa: PLC0415

    newest = NEWEST.replace("$run", ".+")
    assert pictures(stored, "each", newest) == ["https://host/a/1234500.png?width=800"]


def test_a_run_that_has_ended_keeps_its_picture(stored: Prometheus) -> None:
    from vae_dashboards.run.pictures import NEWEST  # noqa: PLC0415

    newest = NEWEST.replace("$run", ".+")
    assert pictures(stored, "each", newest, at=NOW + 1800) == ["https://host/a/1234500.png?width=800"]


def test_the_picture_before_the_rise_is_of_a_step_at_which_the_nll_was_at_its_level(stored: Prometheus) -> None:
    from vae_dashboards.run.pictures import BEFORE  # noqa: PLC0415

    assert pictures(stored, "each", BEFORE.replace("$run", ".+")) == ["https://host/a/0.png?width=800"]


def test_a_picture_that_is_overwritten_is_shown_at_its_one_url(stored: Prometheus) -> None:
    from vae_dashboards.run.pictures import NEWEST  # noqa: PLC0415

    assert pictures(stored, "one", NEWEST.replace("$run", ".+")) == ["https://host/newest.png"]


def test_only_a_site_that_asks_for_pictures_gets_them(tmp_path: Path) -> None:
    """Whoever opens the dashboard loads them from wherever the run says."""
    command = [sys.executable, "-m", "vae_dashboards", str(tmp_path), "--pictures"]
    path = os.pathsep.join(str(ROOT / part) for part in ("grafana", "prometheus"))
    done = finished(command, env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert "picture" in (tmp_path / "vae-run.json").read_text()
    assert "picture" not in str(DASHBOARDS)
