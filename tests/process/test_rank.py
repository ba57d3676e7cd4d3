"""Which rank a process is, by its launcher's environment. tests/launchers has the launchers themselves."""

from __future__ import annotations

import pytest

from vae_exporter._process.rank import assumed_rank, known_rank, may_be_one_of_many, place_labels


@pytest.mark.parametrize(
    ("environment", "known", "assumed"),
    [
        ({}, None, 0),
        ({"RANK": "3"}, 3, 3),
        ({"SLURM_PROCID": "5"}, 5, 5),
        ({"RANK": "3", "SLURM_PROCID": "5"}, 3, 3),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3, 3),
        ({"RANK": "", "SLURM_PROCID": "5"}, 5, 5),
        ({"OMPI_COMM_WORLD_RANK": "2"}, 2, 2),
        ({"PMI_RANK": "4"}, 4, 4),
        ({"LOCAL_RANK": "1"}, None, 1),  # Lightning's own launcher
        ({"LOCAL_RANK": "1", "SLURM_PROCID": "0"}, None, 0),  # the same within a job of Slurm
    ],
    ids=str,
)
def test_the_rank_comes_from_the_launchers_environment(
    environment: dict[str, str], known: int | None, assumed: int
) -> None:
    assert (known_rank(environment), assumed_rank(environment)) == (known, assumed)


@pytest.mark.parametrize("text", ["-1", "one", "1.5", " ", "9" * 30])
def test_what_is_no_rank_is_ignored_and_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert known_rank({"RANK": text, "SLURM_PROCID": "2"}) == 2
    assert f"RANK in the environment must be a whole number, got {text!r}; it is ignored" in caplog.text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, False), ({"LOCAL_RANK": "1"}, True), ({"MASTER_ADDR": "node1"}, True), ({"WORLD_SIZE": ""}, False)],
    ids=str,
)
def test_signs_of_a_launcher(environment: dict[str, str], *, expected: bool) -> None:
    assert may_be_one_of_many(environment) is expected


def test_where_a_process_runs() -> None:
    assert place_labels({}, "host") == {"node": "host"}
    assert place_labels({"SLURMD_NODENAME": "node7", "SLURM_LOCALID": "3"}, "host") == {
        "node": "node7",
        "local_rank": "3",
    }
    assert place_labels({"NODE_NAME": "node8"}, "vae-0-x7k2p") == {"node": "node8"}  # in a pod
