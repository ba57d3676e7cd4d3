"""Where a run is served and found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vae_exporter._process.targets import MAX_PORT, check_advertise, check_targets_dir
from vae_exporter._serve.web_config import WebConfig, read_web_config
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where a run is served and found. `TrainingExporter` describes the fields."""

    host: str
    port: int
    targets_dir: Path | None
    advertise: str | None
    web_config: WebConfig = field(default_factory=WebConfig)


def check_place(*, host: object, port: object, targets_dir: object, advertise: object, web_config: object) -> Place:
    """Validate the arguments that describe a place.

    Raises:
        SettingsError: If one of them is invalid. The message names it, its value and the fix.
    """
    return Place(
        host=_host(host),
        port=_port(port),
        targets_dir=None if targets_dir is None else check_targets_dir(targets_dir),
        advertise=None if advertise is None else check_advertise(advertise),
        web_config=WebConfig() if web_config is None else read_web_config(web_config),
    )


def _host(host: object) -> str:
    if not isinstance(host, str) or not host.isascii():
        raise SettingsError(f"host must be an address such as '127.0.0.1', '::1' or '0.0.0.0', got {host!r:.80}")
    return host


def _port(port: object) -> int:
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= MAX_PORT:
        raise SettingsError(f"port must be between 0 and {MAX_PORT}, got {port!r}; 0 selects any free port")
    return port
