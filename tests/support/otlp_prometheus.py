"""The Prometheus that `make test-otlp` builds, with the settings that docs/push.md asks for."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.processes import running
from vae_exporter.stack.servers import SHORTENED, prometheus_config

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
RECEIVER = "api/v1/otlp/v1/metrics"

_PAGE = (ROOT / "docs" / "push.md").read_text()
_OPTIONS = re.findall(r"^    (--\S.*)$", _PAGE, re.MULTILINE)
_SETTINGS = re.findall(r"^```yaml\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)


@contextmanager
def receiver(
    folder: Path, *, alertmanager_url: str = "http://127.0.0.1:1", targets_folder: Path | None = None
) -> Iterator[Prometheus]:
    """Run it with the shipped rules, and yield it. It scrapes nothing but the targets in *targets_folder*."""
    (options,) = _OPTIONS
    (settings,) = _SETTINGS
    shipped = prometheus_config(targets_folder=targets_folder, alertmanager_url=alertmanager_url, intervals=SHORTENED)
    storage = f"--storage.tsdb.path={folder / 'prometheus'}"
    with running(Prometheus, folder, shipped | yaml.safe_load(settings), [storage, *options.split()]) as url:
        yield Prometheus(url)
