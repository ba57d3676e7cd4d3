"""The servers under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vae_exporter.stack.client import Alertmanager, Prometheus


class Servers(NamedTuple):
    """The servers that the checks query."""

    prometheus: Prometheus
    alertmanager: Alertmanager
