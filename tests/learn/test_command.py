"""Test `vae-exporter learn` and `judge --band-edges` from the outside, in a subprocess."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest
from children import finished

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping
    from pathlib import Path

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]
DEADLINE_SECONDS = 200


def vae_exporter(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return finished([*COMMAND, *arguments], seconds=DEADLINE_SECONDS)


def write_log(path: Path, steps: int, losses: Callable[[int], Mapping[str, float]]) -> Path:
    path.write_text("\n".join(json.dumps({"step": step, **losses(step)}) for step in range(steps)))
    return path


def at_a_hundredth(step: int, *, diverges_at: int | None = None) -> dict[str, float]:
    level = 0.0016 if diverges_at is None or step < diverges_at else 0.02
    return {"nll_loss": level * random.Random(step).uniform(0.9, 1.1)}  # noqa: S311 - noise


def test_edges_learned_from_a_good_run_judge_another_run_of_its_scale(tmp_path: Path) -> None:
    good = write_log(tmp_path / "good.jsonl", 500, at_a_hundredth)
    bad = write_log(tmp_path / "bad.jsonl", 600, lambda step: at_a_hundredth(step, diverges_at=400))
    edges = tmp_path / "bands.json"

    done = vae_exporter("learn", good, "-o", edges)
    assert done.returncode == 0, done.stderr
    assert f"Wrote the band edges to {edges}. Run good ({good}) held the level 0.0015" in done.stdout
    content = json.loads(edges.read_text())
    assert list(content) == ["derived", "level", "noise", "band_edges"]
    assert content["level"] == pytest.approx(0.0016, rel=0.05)
    assert content["noise"]["spread"] < 0.1
    assert content["band_edges"]["nll"]["bad"] == pytest.approx(2 * content["level"], rel=0.01)

    assert done.stderr == ""

    judged = vae_exporter("judge", bad, good, "--band-edges", edges, "--json")
    assert judged.returncode == 1, judged.stderr
    paged, healthy = (run_of(run) for run in json.loads(judged.stdout))
    assert paged == ("bad", ["VaeNllDiverged"])
    assert healthy == ("excellent", [])


def test_a_run_that_diverged_at_its_end_is_a_warning(tmp_path: Path) -> None:
    log = write_log(tmp_path / "bad.jsonl", 600, lambda step: at_a_hundredth(step, diverges_at=400))
    done = vae_exporter("learn", log, "-o", tmp_path / "bands.json")
    assert done.returncode == 0
    assert "run bad did not end well: its last mean NLL is 0.02006, and it held 0.001598" in done.stderr


def run_of(run: Mapping[str, Any]) -> tuple[str, list[str]]:
    return run["band"], [one["alert"] for one in run["alerts"] if one["severity"] == "page"]


def test_the_level_is_that_of_the_nll_as_the_run_reports_it(tmp_path: Path) -> None:
    """The default bands judge 10 * rec + perception; edges of a run's own judge its NLL."""
    log = write_log(tmp_path / "run.jsonl", 400, lambda _: {"nll_loss": 0.16, "rec_loss": 0.03, "p_loss": 0.13})
    done = vae_exporter("learn", log, "-o", tmp_path / "bands.json", "--weights", "rec=1,perception=1")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "bands.json").read_text())["level"] == 0.16


def test_a_run_that_held_no_level_is_refused(tmp_path: Path) -> None:
    log = write_log(tmp_path / "short.jsonl", 250, at_a_hundredth)
    done = vae_exporter("learn", log, "-o", tmp_path / "bands.json")
    assert done.returncode == 1
    assert "held no level: the NLL must be reported over three long windows in a row" in done.stderr
    assert not (tmp_path / "bands.json").exists()


def test_an_unknown_run_of_a_log_is_named(tmp_path: Path) -> None:
    log = write_log(tmp_path / "good.jsonl", 50, at_a_hundredth)
    done = vae_exporter("learn", log, "--run", "other")
    assert (done.returncode, f"{log} has no run 'other'; it has good" in done.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [[], ["x.log", "--prometheus", "http://127.0.0.1:1"]], ids=["none", "both"])
def test_it_learns_from_one_source(arguments: list[str]) -> None:
    done = vae_exporter("learn", *arguments)
    assert (done.returncode, "learn needs a log or --prometheus URL, one of the two" in done.stderr) == (2, True)


def test_judge_refuses_a_bad_file_before_it_reads_a_log(tmp_path: Path) -> None:
    file = tmp_path / "bands.json"
    file.write_text('{"band_edges": {"nll": {"bad": 0.3}}}')
    done = vae_exporter("judge", "no-such.log", "--band-edges", file)
    assert done.returncode == 2
    assert f"{file}: band_edges['nll'] must have all of its edges or none, missing: suspicious" in done.stderr
    assert "no-such.log" not in done.stderr
