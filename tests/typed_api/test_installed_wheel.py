"""The wheel includes the types."""

from __future__ import annotations

import sys
import venv
from typing import TYPE_CHECKING

import pytest
from built_wheel import build_wheel
from children import finished

if TYPE_CHECKING:
    from pathlib import Path

# The last line is wrong on purpose: if mypy does not find the types, it reports the comment as unused.
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
    """An environment with only the wheel, without its dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    wheel = build_wheel(tmp_path_factory.mktemp("wheel"))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    done = finished([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], seconds=180)
    assert done.returncode == 0, done.stderr
    return folder


def test_mypy_uses_the_types_of_the_installed_wheel(environment: Path, tmp_path: Path) -> None:
    script = tmp_path / "consumer.py"
    script.write_text(CONSUMER)
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", str(environment / "bin" / "python")]
    done = finished([*command, script.name], seconds=180, cwd=tmp_path)
    assert done.stdout == "Success: no issues found in 1 source file\n"
