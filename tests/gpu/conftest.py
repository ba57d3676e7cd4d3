"""Fixtures: the simulated driver, and the real pynvml that loads it."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from vae_exporter.simulated_gpu import LIBRARY, STATE_VARIABLE, SimulatedDriver, build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType


@pytest.fixture(scope="session")
def built_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the driver's library. Without a C compiler, the tests that need it fail."""
    # Under a name that nothing requests: other tests must find the machine's own driver, if any.
    return build(tmp_path_factory.mktemp("driver"), own_name="libnvidia-ml-stand-in.so")


@pytest.fixture
def drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SimulatedDriver]:
    """Return a function that simulates a driver with the given GPUs."""

    def make(*gpus: dict[str, object]) -> SimulatedDriver:
        driver = SimulatedDriver(tmp_path / "driver.txt", gpus)
        monkeypatch.setenv(STATE_VARIABLE, str(driver.file))
        return driver

    return make


@pytest.fixture
def pynvml(built_driver: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the real pynvml with the simulated driver, even if the machine's driver is loaded."""
    library = shutil.copy(built_driver, tmp_path)  # a new file starts without a session
    spec = importlib.util.find_spec("pynvml")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pynvml", module)  # pynvml looks itself up there
    spec.loader.exec_module(module)

    def load(name: str) -> ctypes.CDLL:
        assert name == LIBRARY
        return ctypes.CDLL(str(library))

    monkeypatch.setattr(module, "CDLL", load)
    return module
