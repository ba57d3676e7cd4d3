"""The dashboards against the schemas of the oldest and the newest Grafana, as their SDKs know them.

An SDK drops what its Grafana does not know. Options at their defaults may be missing from the oldest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from children import finished
from dashboard_files import DASHBOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLDEST, NEWEST = "1769699681!11.1.0", "0.0.21"
"""The SDKs for Grafana 11.1, the first that wraps the texts of tables, and for Grafana 12.

From 12 on, the version of an SDK is its own.
"""

READ_AND_WRITE = """
import json, sys
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
plugins.register_default_plugins()
print(JSONEncoder().encode(Dashboard.from_json(json.load(sys.stdin))))
"""

WITHOUT_FIELDS = {"step", "tagKeys", "textFormat", "titleFormat"}
"""What the schema leaves to the data source of an annotation."""

NEWER_DEFAULTS = {
    "allowCustomValue": True,
    "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},  # of a bar gauge
    "perPage": 20,
}
"""Options that Grafana 11.1 does not have, at the values of what it does."""


@pytest.fixture(scope="module", params=[OLDEST, NEWEST])
def sdk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The version of an SDK, and the folder in which it was installed."""
    folder = tmp_path_factory.mktemp("sdk")
    wanted = f"grafana-foundation-sdk=={request.param}"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        folder,
        wanted,
    ]
    done = finished(command, seconds=300)
    assert done.returncode == 0, done.stderr
    return request.param, folder


def missing(part: object, other: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of everything in *part* that *other* does not have."""
    if isinstance(part, dict) and isinstance(other, dict):
        for key, value in part.items():
            yield from missing(value, other[key], key) if key in other else [(key, value)]
    elif isinstance(part, list) and isinstance(other, list) and len(part) == len(other):
        for mine, theirs in zip(part, other, strict=True):
            yield from missing(mine, theirs, name)
    elif part != other:
        yield name, part


@pytest.mark.parametrize("board", DASHBOARDS)
def test_the_schema_knows_everything_on_a_dashboard(board: str, sdk: tuple[str, Path]) -> None:
    version, folder = sdk
    done = subprocess.run(
        [sys.executable, "-c", READ_AND_WRITE],
        input=json.dumps(DASHBOARDS[board]),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    lost = [
        (name, value)
        for name, value in missing(DASHBOARDS[board], json.loads(done.stdout))
        if name not in WITHOUT_FIELDS
    ]
    defaults = NEWER_DEFAULTS if version == OLDEST else {}
    assert [(name, value) for name, value in lost if defaults.get(name) != value] == []
