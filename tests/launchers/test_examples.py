"""The examples under the launchers that they name, with two ranks that are scraped until they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import child
from scraping import Samples, scrape, state

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples" / "launchers"

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"

STEPS = 20

LAUNCHERS = {
    "torchrun_vae": ["torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2"],
    "deepspeed_vae": ["deepspeed.launcher.runner", "--num_gpus=2", "--master_addr=127.0.0.1"],
}


def scrapes(targets: Path) -> Iterator[tuple[str, Samples]]:
    """Scrape each rank that has a target file, and yield its rank with what it answers."""
    for file in targets.glob("*.json"):
        try:
            (target,) = json.loads(file.read_text())
            yield target["labels"]["rank"], scrape(f"http://{target['targets'][0]}")
        except OSError:
            continue  # it has ended


@pytest.mark.timeout(600)  # DeepSpeed compiles an operator
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_an_example_exports_both_ranks_until_they_finish(name: str, tmp_path: Path) -> None:
    targets, log = tmp_path / "targets", tmp_path / "log"
    targets.mkdir()
    options: list[str | Path] = [name, "--targets-dir", targets, f"--steps={STEPS}"]
    # ninja, which DeepSpeed runs, is beside Python
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "DS_ACCELERATOR": "cpu",
        "TORCH_EXTENSIONS_DIR": str(tmp_path / "extensions"),  # a compilation that was killed blocks all later ones
        "PATH": path,
    }
    last: dict[str, Samples] = {}
    with (
        log.open("wb") as output,
        child(
            [sys.executable, "-m", *LAUNCHERS[name], EXAMPLES / f"{name}.py", *options],
            seconds=570,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as launcher,
    ):
        while launcher.poll() is None:
            last.update(scrapes(targets))
    assert launcher.returncode == 0, log.read_text()
    assert sorted(last) == ["0", "1"]
    for samples in last.values():
        assert state(samples) == ["finished"]
        assert samples["vae_steps_total"] == STEPS
        assert samples["vae_learning_rate"] == 2e-3
        assert samples["vae_exporter_dropped_observations_total invalid"] == 0
        for component in ("nll", "rec", "perception", "kl", "total"):
            assert f"vae_loss {component} train" in samples
