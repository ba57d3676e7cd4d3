"""The simulated driver itself, where it goes wrong."""

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


def test_without_a_c_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"there is no C compiler \(cc\).*apt-get install gcc libc6-dev"):
        build(tmp_path)


def test_a_compiler_that_cannot_be_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", str(tmp_path / "missing"))
    with pytest.raises(StackError, match=r"missing cannot be run .* set CC to one that can"):
        build(tmp_path)


def test_a_compiler_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"fails at nvml_stand_in.c:\n(.*\n)*.*absent"):
        build(tmp_path / "absent")
