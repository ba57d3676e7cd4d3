"""Fixtures and settings of all tests."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from watched_runs import WatchedRuns, watched_runs

from vae_exporter import TrainingExporter
from vae_exporter._process.settings import RunSettings, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a script's background jobs ignore SIGINT, and so would the tests' children

os.environ["RANK"] = "0"  # a launcher's, so that a run is published before its first step

hypothesis.settings.register_profile("no deadline", deadline=None)  # a busy machine is no reason to fail
hypothesis.settings.load_profile("no deadline")

LONGEST = ("test_simulated_runs.py", "test_demo.py", "test_command.py", "test_rules.py", "test_variants.py")
"""The files that take minutes. They run first, so that no worker is still busy with one when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, and the others in their usual order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def make_settings() -> Callable[..., RunSettings]:
    """Return a function that checks the settings it is given; the rest is absent."""

    def make(**given: Any) -> RunSettings:  # noqa: ANN401 - a user's arguments
        settings: dict[str, Any] = {
            "run": "r",
            "rank": None,
            "loss_weights": None,
            "band_edges": None,
            "info": None,
            "outputs_url": None,
            "start_step": None,
        }
        return check_settings(**{**settings, **given})

    return make


@pytest.fixture
def exporter() -> Iterator[TrainingExporter]:
    """A started exporter that does not wait for a last scrape."""
    exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False).start()
    yield exporter
    exporter.close()


@pytest.fixture(scope="module")  # not the session: it keeps evaluating rules, which takes a third of a core
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRuns]:
    """A Prometheus that has scraped and judged several runs, for read-only tests. It takes 15 seconds to set up."""
    with watched_runs(tmp_path_factory.mktemp("watched")) as runs:
        yield runs
