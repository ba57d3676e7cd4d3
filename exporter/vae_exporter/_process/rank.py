"""Finds out which rank of a run this process is, and where it runs."""

from __future__ import annotations

import logging
import multiprocessing
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

RANK_VARIABLES = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK")
"""Where launchers set the rank: torchrun, Accelerate and DeepSpeed; srun; Open MPI's mpirun; other MPIs."""

LOCAL_RANK_VARIABLES = ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")

NODE_VARIABLES = ("SLURMD_NODENAME", "NODE_NAME")
"""Where the name of the node is: from Slurm, and from a pod, whose host name is its own."""

_SIGNS_OF_A_LAUNCHER = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR")

_MAX_DIGITS = 9

_logger = logging.getLogger("vae_exporter")


def known_rank(environment: Mapping[str, str]) -> int | None:
    """Return the rank of this process, or None if that is not settled yet.

    Lightning's own launcher sets LOCAL_RANK only. A SLURM_PROCID beside it belongs to the job, not to this process.
    """
    rank = _distributed_rank()
    if rank is not None:
        return rank
    if "RANK" not in environment and "LOCAL_RANK" in environment:
        return None
    return _first_number(environment, RANK_VARIABLES)


def assumed_rank(environment: Mapping[str, str]) -> int:
    """Return the rank of a process that trains, when nothing better is known than its place on the node."""
    for rank in (known_rank(environment), _first_number(environment, (*RANK_VARIABLES, "LOCAL_RANK"))):
        if rank is not None:
            return rank
    return 0


def may_be_one_of_many(environment: Mapping[str, str]) -> bool:
    """Return whether a launcher started this process, so that torch.distributed will settle its rank."""
    has_signs = any(environment.get(variable) for variable in _SIGNS_OF_A_LAUNCHER)
    return has_signs or multiprocessing.parent_process() is not None


def place_labels(environment: Mapping[str, str], hostname: str) -> dict[str, str]:
    """Return the labels that describe where this process runs."""
    labels = {"node": next(filter(None, map(environment.get, NODE_VARIABLES)), hostname)}
    local_rank = _first_number(environment, LOCAL_RANK_VARIABLES)
    if local_rank is not None:
        labels["local_rank"] = str(local_rank)
    return labels


def _distributed_rank() -> int | None:
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return int(distributed.get_rank())


def _first_number(environment: Mapping[str, str], variables: tuple[str, ...]) -> int | None:
    for variable in variables:
        text = environment.get(variable)
        if text and text.isdecimal() and len(text) <= _MAX_DIGITS:
            return int(text)
        if text:
            _logger.warning("%s in the environment must be a whole number, got %r; it is ignored", variable, text)
    return None
