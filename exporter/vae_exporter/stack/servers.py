"""Local Prometheus and Alertmanager with the shipped configuration, but configurable ports and intervals."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from vae_exporter.errors import StackError
from vae_exporter.stack.client import Alertmanager, Prometheus
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.processes import moved, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PAGER_URL = "http://127.0.0.1:9661"
"""The pager's URL in the shipped Alertmanager configuration, the target of all its receivers."""

ALERTMANAGER_ADDRESS = "127.0.0.1:9093"
"""Alertmanager's address in the shipped Prometheus configuration."""


@dataclass(frozen=True)
class Intervals:
    """Intervals in Prometheus's notation, such as ``15s``. None keeps the shipped value."""

    scrape: str | None = None
    evaluation: str | None = None
    group_wait: str | None = None
    group_interval: str | None = None


AS_SHIPPED = Intervals()

SHORTENED = Intervals(scrape="1s", evaluation="1s", group_wait="1s", group_interval="5s")
"""Short intervals for the demo, so that a page takes seconds. The shipped intervals are 15 s."""


@contextmanager
def prometheus(  # noqa: PLR0913 - what differs from the shipped configuration
    folder: Path,
    *,
    targets: Sequence[str] | None = (),
    targets_folder: Path | None = None,
    alertmanager_url: str,
    intervals: Intervals = AS_SHIPPED,
    port: int = 0,
) -> Iterator[str]:
    """Run Prometheus with the shipped rules and its data in *folder*, and yield its URL.

    *targets* are HOST:PORT; None keeps those of the shipped configuration. Prometheus also scrapes the targets in the
    files that ``TrainingExporter(targets_dir=)`` writes to *targets_folder*. Port 0 picks a free port.

    Raises:
        StackError: The program is missing, the port is taken, or the server does not become ready.
    """
    config = prometheus_config(
        targets=targets, targets_folder=targets_folder, alertmanager_url=alertmanager_url, intervals=intervals
    )
    options = [
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--storage.tsdb.retention.time=90d",  # as in docker-compose.yml
    ]
    with running(Prometheus, folder, config, options, port) as url:
        yield url


def prometheus_config(
    *,
    targets: Sequence[str] | None = (),
    targets_folder: Path | None = None,
    alertmanager_url: str,
    intervals: Intervals = AS_SHIPPED,
) -> dict[str, Any]:
    """Return the shipped configuration of Prometheus with these settings: see `prometheus`."""
    shipped = stack_folder() / "prometheus"
    config: dict[str, Any] = yaml.safe_load((shipped / "prometheus.yml").read_text())
    config = moved(config, ALERTMANAGER_ADDRESS, alertmanager_url.removeprefix("http://"))
    del config["global"]["external_labels"]  # grafana_url: no Grafana runs here
    _replace(config["global"], {"scrape_interval": intervals.scrape, "evaluation_interval": intervals.evaluation})
    config["rule_files"] = [str(shipped / pattern) for pattern in config["rule_files"]]
    training = config["scrape_configs"][0]
    if targets is not None:
        training["static_configs"][0]["targets"] = list(targets)
    if targets_folder is None:
        del training["file_sd_configs"]
    else:
        training["file_sd_configs"][0]["files"] = [str(targets_folder / "*.json")]
    return config


@contextmanager
def alertmanager(
    folder: Path, *, pager_url: str, config_file: Path | None = None, intervals: Intervals = AS_SHIPPED, port: int = 0
) -> Iterator[str]:
    """Run Alertmanager with *config_file*, or with the shipped configuration, and yield its URL.

    Receivers at `PAGER_URL` are moved to *pager_url*. Port 0 picks a free port.

    Raises:
        StackError: *config_file* cannot be read, the program is missing, the port is taken, or the server does not
            become ready.
    """
    file = config_file or stack_folder() / "alertmanager" / "alertmanager.yml"
    config = moved(_read(file), PAGER_URL, pager_url)
    config["templates"] = [str(file.parent / pattern) for pattern in config.get("templates", ())]
    for route in (config["route"], *config["route"].get("routes", ())):
        _replace(route, {"group_wait": intervals.group_wait, "group_interval": intervals.group_interval})
    options = [f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    with running(Alertmanager, folder, config, options, port) as url:
        yield url


def _read(file: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StackError(f"cannot read the configuration {file}: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("route"), dict):
        raise StackError(
            f"{file} must be a configuration of Alertmanager with a `route:`; amtool check-config checks it"
        )
    return config


def _replace(settings: dict[str, Any], values: dict[str, str | None]) -> None:
    settings.update({name: value for name, value in values.items() if value is not None})
