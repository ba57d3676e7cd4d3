"""Fixtures: a machine with one simulated A100."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from simulated_machine import Machine, machine_with_a100

from vae_exporter.simulated_gpu import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("driver")).parent


@pytest.fixture
def machine(tmp_path: Path, libraries: Path) -> Machine:
    return machine_with_a100(tmp_path, libraries)
