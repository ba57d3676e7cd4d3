"""Fixtures of the tests in this folder."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from vae_exporter.stack import servers
from vae_exporter.stack.files import stack_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the rules: a run is gone after 10 seconds instead of 2 minutes, and each `for` takes 5 seconds."""
    stack = tmp_path / "stack"
    for part in ("prometheus", "alertmanager"):
        shutil.copytree(stack_folder() / part, stack / part)
    for file in (stack / "prometheus" / "rules").glob("*.yml"):
        patient = file.read_text()
        impatient = re.sub(r"for: \dm\b", "for: 5s", patient.replace("[2m]", "[10s]"))
        assert impatient != patient
        file.write_text(impatient)
    monkeypatch.setattr(servers, "stack_folder", lambda: stack)
