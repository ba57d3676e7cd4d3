"""Stand-ins for the commands of Slurm that a batch script runs, and for the environment that Slurm gives it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TASKS = 2

_SRUN = f"""\
#!/bin/bash
# Starts the command once for each task, passes SIGTERM on to all, and ends with the status of the last.
while [[ $1 == --* ]]; do shift; done
for ((rank = 0; rank < {TASKS}; rank++)); do
  SLURM_PROCID=$rank SLURM_LOCALID=$rank "$@" &
  tasks+=($!)
done
trap 'kill -TERM "${{tasks[@]}}"' TERM
while kill -0 "${{tasks[@]}}" 2>/dev/null; do
  wait "${{tasks[@]}}"
done
wait "${{tasks[-1]}}"
"""

_SCONTROL = """\
#!/bin/bash
if [[ $1 == show ]]; then
  printf '%s\\n' "node7" "node8"
else
  echo "$@" >>"${0%/*}/scontrol.log"
fi
"""


def slurm_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a batch script of job 4242, with the stand-ins in *folder* first on PATH."""
    python = f'#!/bin/bash\nexec {sys.executable} "$@"\n'
    for name, text in (("srun", _SRUN), ("scontrol", _SCONTROL), ("python", python)):
        program = folder / name
        program.write_text(text)
        program.chmod(0o755)
    own = {name: value for name, value in os.environ.items() if name not in ("RANK", "LOCAL_RANK")}
    job = {"SLURM_JOB_ID": "4242", "SLURM_JOB_NAME": "vae", "SLURM_JOB_NODELIST": "node[7-8]"}
    given = {**job, "SLURMD_NODENAME": "node7"}
    return own | given | {"PATH": f"{folder}:{os.environ['PATH']}"} | variables


def scontrol_calls(folder: Path) -> list[str]:
    """Return the arguments of each call of scontrol that changes a job."""
    log = folder / "scontrol.log"
    return log.read_text().splitlines() if log.exists() else []
