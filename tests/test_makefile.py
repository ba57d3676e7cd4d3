"""What `make` does to existing files, and what it installs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from children import finished

MAKE = shutil.which("make") or "make"
MAKEFILE = Path(__file__).parent.parent / "Makefile"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with no code, whose packages cannot be installed."""
    for of_the_make_that_runs_the_tests in ("MAKEFLAGS", "CONSTRAINTS", "PYTHON"):
        monkeypatch.delenv(of_the_make_that_runs_the_tests, raising=False)
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(MAKEFILE, repository)
    for name in ("constraints.txt", "pyproject.toml", *(f"requirements{part}.lock" for part in ("", "-cli", "-demo"))):
        (repository / name).touch()
    return repository


def test_a_linked_environment_is_replaced_and_its_target_is_untouched(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    (folder / ".venv").symlink_to(elsewhere)
    finished([MAKE, "venv", f"PYTHON={sys.executable}"], seconds=180, cwd=folder)
    assert [file.name for file in elsewhere.iterdir()] == ["theirs"]
    assert not (folder / ".venv").is_symlink()


@pytest.mark.parametrize(("target", "extras"), [("watch", "cli"), ("demo", "cli,demo,test")])
def test_a_target_installs_what_it_needs(folder: Path, target: str, extras: str) -> None:
    """Only the demo and the tests need torch, which is large."""
    assert f"-e '.[{extras}]'" in finished([MAKE, "--dry-run", target], cwd=folder).stdout


@pytest.mark.parametrize(
    ("stamp", "installing"),
    [(".installed", {"watch": False, "demo": False}), (".installed-cli", {"watch": False, "demo": True})],
)
def test_what_is_installed_is_not_installed_again(folder: Path, stamp: str, installing: dict[str, bool]) -> None:
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (folder / ".venv" / stamp).write_text(f"{folder}\n")
    outputs = {target: finished([MAKE, "--dry-run", target], cwd=folder).stdout for target in installing}
    assert {target: "pip install" in output for target, output in outputs.items()} == installing
    assert not any("venv --clear" in output for output in outputs.values())
