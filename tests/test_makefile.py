"""What `make` does to existing files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from children import finished

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def test_a_linked_environment_is_replaced_and_its_target_is_untouched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(MAKEFILE, folder)
    (folder / "constraints.txt").touch()
    (folder / "pyproject.toml").touch()  # the installation fails, after the step under test
    (folder / ".venv").symlink_to(elsewhere)
    command = [shutil.which("make") or "make", "venv", f"PYTHON={sys.executable}"]
    finished(command, seconds=180, cwd=folder)
    assert [file.name for file in elsewhere.iterdir()] == ["theirs"]
    assert not (folder / ".venv").is_symlink()
