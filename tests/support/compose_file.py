"""docker-compose.yml, and the client that reads it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml
from children import finished

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]


def compose_command() -> list[str] | None:
    """Return the command of Docker Compose on this machine, or None if it is not installed."""
    docker = shutil.which("docker")
    if docker and finished([docker, "compose", "version"]).returncode == 0:
        return [docker, "compose"]
    older = shutil.which("docker-compose")
    return [older] if older else None
