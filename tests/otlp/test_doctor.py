"""The doctor finds the runs that push."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deadline import wait_until
from otlp_prometheus import RECEIVER, receiver

from vae_exporter import TrainingExporter, __version__
from vae_exporter.doctor.chain.endpoints import check
from vae_exporter.doctor.chain.servers import Servers
from vae_exporter.stack.client import Alertmanager

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_that_pushes_needs_no_target(tmp_path: Path) -> None:
    with receiver(tmp_path) as store:
        servers = Servers(store, Alertmanager("http://127.0.0.1:1"))

        def found() -> list[tuple[str, bool | None]]:
            return [(finding.figure, finding.passed) for finding in check(servers)]

        assert found() == [("0 of 0 targets are up", False)]
        with TrainingExporter("r", rank=3, port=0, gpus=False, otlp_endpoint=f"{store.url}/{RECEIVER}"):
            wait_until(lambda: len(found()) == 2, "the first push")
            assert found() == [
                ("0 of 0 targets are up; 1 pushing", True),
                (f"run r rank 3, vae-exporter {__version__}", True),
            ]
            assert [*check(servers)][1].what.endswith(f":{os.getpid()}")
