"""Lets a child process know which runs the processes above it export.

A child that multiprocessing spawns imports the main module again, and makes an exporter that is at its top level again.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
from dataclasses import astuple, dataclass
from pathlib import Path

VARIABLE = "VAE_EXPORTER_RUNS"
"""The environment variable in which a process lists the runs that it exports. Its children inherit it."""


_logger = logging.getLogger("vae_exporter")


@dataclass(frozen=True)
class ExportedRun:
    """A run that the process *pid* exports. Its *rank* is None while that is not settled."""

    pid: int
    run: str
    rank: int | None

    def is_rank(self, rank: int, *, is_certain: bool) -> bool:
        """Return whether this is that *rank*. Two processes that are not *is_certain* of it are the same one."""
        return self.rank == rank or (self.rank is None and not is_certain)


def runs_of_ancestors(run: str) -> list[ExportedRun]:
    """Return what the processes above this one export of *run*."""
    pids = _ancestors()
    return [exported for exported in _listed() if exported.run == run and exported.pid in pids]


def list_run(exported: ExportedRun) -> None:
    """List *exported* for the children of this process."""
    _write([*_listed(), exported])


def unlist_run(exported: ExportedRun) -> None:
    """Take *exported* off the list."""
    _write([other for other in _listed() if other != exported])


def warn_child(above: ExportedRun, consequence: str) -> None:
    """Log, in the first child of a process, that the process exports the run *above*, with its *consequence* here."""
    if multiprocessing.current_process().name.endswith("-1"):
        _logger.warning(
            "process %d has started this process and exports run %r: %s. Make the exporter below "
            '`if __name__ == "__main__":`. Further processes do not log this.',
            above.pid,
            above.run,
            consequence,
        )


def _listed() -> list[ExportedRun]:
    try:
        return [ExportedRun(int(pid), str(run), rank) for pid, run, rank in json.loads(os.environ.get(VARIABLE, "[]"))]
    except (ValueError, TypeError):
        return []  # not written by this package


def _write(runs: list[ExportedRun]) -> None:
    if runs:
        os.environ[VARIABLE] = json.dumps([astuple(exported) for exported in runs])
    else:
        os.environ.pop(VARIABLE, None)


def _ancestors() -> set[int]:
    parent = multiprocessing.parent_process()
    pids = {os.getppid()} if parent is None or parent.pid is None else {os.getppid(), parent.pid}
    pid = os.getppid()
    while pid > 1:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            break  # without /proc, the parents are all that is known
        pid = int(status.rpartition(")")[2].split()[1])
        pids.add(pid)
    return pids
