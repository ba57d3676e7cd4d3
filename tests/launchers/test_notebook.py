"""Runs in a real Jupyter kernel."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from http_get import get
from jupyter_client.manager import start_new_kernel
from scraping import scrape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.manager import KernelManager

CELL = """
from vae_exporter import TrainingExporter
exporter = TrainingExporter("notebook", port=0, targets_dir={targets!r}, gpus=False).start()
exporter.observe(1, nll={nll})
print(exporter.url)
"""


@dataclass
class Kernel:
    manager: KernelManager
    client: BlockingKernelClient

    def run(self, code: str) -> str:
        """Run a cell, and return what it prints."""
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        self.client.execute_interactive(code, timeout=60, output_hook=hear)
        return "".join(printed).strip()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    environment = {name: value for name, value in os.environ.items() if name != "RANK"}
    manager, client = start_new_kernel(env=environment)
    yield Kernel(manager, client)
    client.stop_channels()
    if manager.is_alive():
        manager.shutdown_kernel(now=True)


def test_a_cell_that_is_run_again_and_a_kernel_that_is_shut_down(kernel: Kernel, tmp_path: Path) -> None:
    first = kernel.run(CELL.format(targets=str(tmp_path), nll=2.0))
    scrape(first)
    second = kernel.run(CELL.format(targets=str(tmp_path), nll=0.16))
    with pytest.raises(ConnectionRefusedError):
        get(first)
    assert scrape(second)["vae_loss nll train"] == 0.16

    kernel.manager.shutdown_kernel()  # no scrape comes in the seconds before it is killed
    (file,) = tmp_path.glob("*.json")
    (target,) = json.loads(file.read_text())
    assert target["labels"]["end_state"] == "terminated"
