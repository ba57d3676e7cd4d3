"""Errors in building the simulated driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.errors import StackError
from vae_exporter.simulated_gpu import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_compiler_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)


def test_without_a_c_compiler_the_error_names_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"cc is not on PATH.*apt-get install gcc libc6-dev"):
        build(tmp_path)


def test_the_error_names_a_compiler_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "missing"))
    with pytest.raises(StackError, match=r"cannot run the C compiler .*missing .* set CC to a working one"):
        build(tmp_path)


def test_the_error_has_the_output_of_a_compiler_that_fails(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"cannot compile nvml_stand_in.c:\n(.*\n)*.*absent"):
        build(tmp_path / "absent")
