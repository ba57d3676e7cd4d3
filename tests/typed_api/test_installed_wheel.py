"""The types reach whoever installs the wheel."""

from __future__ import annotations

import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest
from built_wheel import build_wheel

if TYPE_CHECKING:
    from pathlib import Path

# The last line is wrong on purpose: where mypy does not find the types, it accepts the line and reports the comment.
CONSUMER = """\
from vae_exporter import TrainingExporter

losses: dict[str, float] = {"nll": 0.2, "rec": 0.02}
with TrainingExporter("bs4", loss_weights={"rec": 10}) as exporter:
    exporter.observe(1, **losses)
    url: str = exporter.url or ""
TrainingExporter("bs4", port="9645")  # type: ignore[arg-type]
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone, without what it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    return folder


def test_mypy_finds_no_error_in_a_script_that_uses_it(environment: Path, tmp_path: Path) -> None:
    script = tmp_path / "consumer.py"
    script.write_text(CONSUMER)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(environment / "bin" / "python")]
    done = subprocess.run([*command, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "Success: no issues found in 1 source file\n"
