"""Checks that the clocks of this machine and of Prometheus agree."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vae_exporter.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vae_exporter.doctor.chain.servers import Servers

CHECK = "clocks"

MOST_SECONDS = 5.0
"""The largest accepted difference. The rules compare timestamps of the training with the time of Prometheus."""


def check(servers: Servers) -> Iterator[Finding]:
    """Yield how far the clock of Prometheus is ahead of this machine's."""
    before = time.time()
    theirs = servers.prometheus.value("vector(time())")
    ours = (before + time.time()) / 2
    ahead = float("nan") if theirs is None else theirs - ours
    expected = f"at most {MOST_SECONDS:.0f} s"
    yield Finding(CHECK, "Prometheus ahead of here", f"{ahead:.1f} s", expected, passed=abs(ahead) <= MOST_SECONDS)
