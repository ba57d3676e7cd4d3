"""Checks that Prometheus has loaded the rules of this version, and evaluates them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from vae_exporter.doctor.finding import Finding
from vae_exporter.stack.files import stack_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "rules"


def check(servers: Servers) -> Iterator[Finding]:
    """Yield a finding for the missing alerts, and one for the rules that fail."""
    rules = servers.prometheus.rules()
    loaded = {rule["name"] for rule in rules if rule["type"] == "alerting"}
    missing = sorted(shipped_alerts() - loaded)
    figure = f"missing: {', '.join(missing)}" if missing else f"{len(loaded)} alerts"
    yield Finding(CHECK, "alerts loaded", figure, "every alert of this version", passed=not missing)
    failing = [f"{rule['name']}: {rule['lastError']}" for rule in rules if rule["health"] == "err"]
    yield Finding(CHECK, "rules that fail", "; ".join(failing) or "none", "none", passed=not failing)


def shipped_alerts() -> set[str]:
    """Return the names of the alerts in the rules of this version."""
    files = (stack_folder() / "prometheus" / "rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
