"""What `make` does to the folders around it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from children import finished

MAKEFILE = Path(__file__).parent.parent / "Makefile"


def test_an_environment_that_is_a_link_is_replaced_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copy(MAKEFILE, folder)
    (folder / "constraints.txt").touch()
    (folder / "pyproject.toml").touch()  # nothing can be installed: what counts happens before that
    (folder / ".venv").symlink_to(elsewhere)
    command = [shutil.which("make") or "make", "venv", f"PYTHON={sys.executable}"]
    finished(command, cwd=folder)
    assert [file.name for file in elsewhere.iterdir()] == ["theirs"]
    assert not (folder / ".venv").is_symlink()
