"""deploy/slurm/train.sbatch with stand-ins for Slurm and the real exporter."""

from __future__ import annotations

import json
import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from children import child, finished
from deadline import wait_until
from http_get import SCRAPER, get
from stand_in_slurm import TASKS, scontrol_calls, slurm_environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm" / "train.sbatch"

TRAINING = """\
import os
import sys
import time
from itertools import count
from pathlib import Path

from vae_exporter import TrainingExporter

with TrainingExporter(
    os.environ["RUN"],
    port=0,
    targets_dir=os.environ["VAE_TARGETS"],
    linger_seconds=30,
    gpus=False,
    info={"master": os.environ["MASTER_ADDR"] + ":" + os.environ["MASTER_PORT"]},
) as exporter:
    for step in count():
        exporter.observe(step, nll=0.15)
        if Path(sys.argv[1]).exists():
            break
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class Job:
    """A batch script that runs in *folder*."""

    process: subprocess.Popen[str]
    folder: Path

    def targets(self) -> dict[str, dict[str, Any]]:
        """Return the content of each target file by rank."""
        files = (self.folder / "targets").glob("*.json")
        entries = [entry for file in files for entry in json.loads(file.read_text())]
        return {entry["labels"]["rank"]: entry for entry in entries}

    def metrics(self) -> list[str]:
        """Return what each rank exports."""
        return [get(f"http://{entry['targets'][0]}/metrics").text for _, entry in sorted(self.targets().items())]


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[Job]:
    """Run the script until its ranks have made a step."""
    (folder / "train.py").write_text(TRAINING)
    programs = folder / "programs"
    programs.mkdir()
    environment = slurm_environment(programs, VAE_TARGETS=str(folder / "targets"), **variables)
    with child(["bash", SCRIPT, "end"], cwd=folder, env=environment) as process:
        job = Job(process, folder)
        wait_until(lambda: len(job.targets()) == TASKS, "target files of all ranks")
        wait_until(lambda: all("\nvae_step{" in text for text in job.metrics()), "a step of all ranks")
        yield job


def test_bash_can_read_it() -> None:
    assert finished(["bash", "-n", SCRIPT]).stderr == ""


def test_slurm_reads_every_option() -> None:
    """Slurm stops at the first line that is not a comment."""
    head = re.split(r"^(?!#)\S", SCRIPT.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    assert head.count("#SBATCH") == SCRIPT.read_text().count("#SBATCH")
    assert {"#SBATCH --requeue", "#SBATCH --signal=B:USR1@120"} <= set(head.splitlines())


@pytest.mark.parametrize(
    ("variables", "run"),
    [({}, "vae-4242"), ({"SLURM_ARRAY_JOB_ID": "4240", "SLURM_ARRAY_TASK_ID": "2"}, "vae-4240-2")],
    ids=["job", "array"],
)
def test_the_ranks_are_one_run_and_a_run_that_finishes_is_not_requeued(
    tmp_path: Path, variables: dict[str, str], run: str
) -> None:
    with running(tmp_path, **variables) as job:
        for rank, text in enumerate(job.metrics()):
            assert re.search(rf'^vae_run_state{{rank="{rank}",run="{run}",state="running"}} 1.0$', text, re.MULTILINE)
            assert f'local_rank="{rank}"' in text
            assert 'master="node7:24242",node="node7"' in text
        (tmp_path / "end").touch()
        assert job.process.wait(timeout=60) == 0
    assert scontrol_calls(tmp_path / "programs") == []


def test_at_the_time_limit_the_end_is_scraped_and_the_job_is_requeued(tmp_path: Path) -> None:
    with running(tmp_path) as job:
        addresses = [entry["targets"][0] for entry in job.targets().values()]
        last = dict.fromkeys(addresses, "")

        def have_ended() -> bool:
            listening = set(addresses)
            for address in addresses:
                try:
                    last[address] = get(f"http://{address}/metrics", **SCRAPER).text
                except OSError:
                    listening.remove(address)
            return not listening

        assert not have_ended()
        job.process.send_signal(signal.SIGUSR1)
        wait_until(have_ended, "the end of all ranks")
        assert all('state="terminated"} 1.0' in text for text in last.values())
        assert job.process.wait(timeout=60) == 128 + signal.SIGTERM
    assert job.targets() == {}
    assert scontrol_calls(tmp_path / "programs") == ["requeue 4242"]


def test_the_script_waits_for_the_ranks_of_a_preempted_job(tmp_path: Path) -> None:
    """Slurm sends SIGTERM to the script and to the ranks, and requeues the job itself."""
    with running(tmp_path) as job:
        job.process.send_signal(signal.SIGTERM)
        (tmp_path / "end").touch()
        assert job.process.wait(timeout=60) == 0
    assert scontrol_calls(tmp_path / "programs") == []
