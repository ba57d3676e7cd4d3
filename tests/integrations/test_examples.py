"""The examples, run unchanged and scraped while they run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from children import finished
from scraped_port import scraped_port

EXAMPLES = Path(__file__).parents[2] / "examples" / "integrations"

STEPS = 20

FIRST_STEP = {"transformers_vae": 1}
"""The Trainer of Hugging Face counts from 1."""


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_exports_its_losses_and_that_it_finished(name: str, tmp_path: Path) -> None:
    with scraped_port() as port:
        command = [sys.executable, str(EXAMPLES / f"{name}.py"), f"--steps={STEPS}", f"--port={port.number}"]
        done = finished(command, seconds=240, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert port.value("vae_run_state", state="finished") == 1
    assert port.value("vae_steps_total") == STEPS
    assert port.value("vae_step") == STEPS - 1 + FIRST_STEP.get(name, 0)
    for component in ("nll", "rec", "perception", "total"):
        assert port.value("vae_loss", component=component, split="train") is not None, component
    assert port.value("vae_learning_rate") is not None
