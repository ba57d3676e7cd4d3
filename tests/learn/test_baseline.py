"""Test `vae-exporter baseline` and `judge --baseline` from the outside, in a subprocess."""

from __future__ import annotations

import json
import random
import re
import sys
from typing import TYPE_CHECKING

import pytest
from children import finished

from vae_exporter._process.band_edges import check_band_edges
from vae_exporter._record.baseline import read_baseline

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

COMMAND = [sys.executable, "-m", "vae_exporter.cli"]
DEADLINE_SECONDS = 200

HARD = range(600, 800)


def vae_exporter(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return finished([*COMMAND, *arguments], seconds=DEADLINE_SECONDS)


def write_log(path: Path, nll: Callable[[int], float], steps: int = 1000) -> Path:
    noise = random.Random(path.name)  # noqa: S311 - noise
    rows = ({"step": step, "nll_loss": nll(step) * noise.uniform(0.9, 1.1)} for step in range(steps))
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def hard(step: int) -> float:
    return 0.51 if step in HARD else 0.16


def sound(_step: int) -> float:
    return 0.15


def test_a_run_that_rises_where_the_one_before_did_is_told_from_one_that_rises_alone(tmp_path: Path) -> None:
    alike, flat = tmp_path / "alike.json", tmp_path / "flat.json"
    for log, file in (
        (write_log(tmp_path / "rose.jsonl", hard), alike),
        (write_log(tmp_path / "flat.jsonl", sound), flat),
    ):
        done = vae_exporter("baseline", log, "-o", file)
        assert done.returncode == 0, done.stderr
        assert f"Wrote run {log.stem} ({log}) to {file}. It ended at" in done.stdout
    run = write_log(tmp_path / "run.jsonl", hard)
    report = tmp_path / "report.html"

    shown = judged(run, "--baseline", alike, "--report", report)
    assert "page  VaeNllDiverged" in shown
    assert re.search(r"NLL 0\.\d+ is bad, as in the run before: hard data\.", shown)
    assert "Dashed: what the run before had here." in report.read_text()
    shown = judged(run, "--baseline", flat)
    assert re.search(r"Run run diverged: NLL 0\.\d+; the run before had 0\.1[45]\d* here\. Stop it", shown)


def judged(run: Path, *options: str | Path) -> str:
    done = vae_exporter("judge", run, *options)
    assert done.returncode == 1, done.stderr
    return done.stdout


def test_the_file_has_band_edges_as_well(tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    done = vae_exporter("baseline", write_log(tmp_path / "good.jsonl", sound, steps=400), "-o", file)
    assert done.returncode == 0, done.stderr
    assert check_band_edges(file)["nll", "bad"] == pytest.approx(0.3, rel=0.05)
    assert read_baseline(file).end_growth == pytest.approx(1.0, rel=0.05)


def test_a_run_that_is_too_short_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    done = vae_exporter("baseline", write_log(tmp_path / "short.jsonl", sound, steps=50), "-o", file)
    assert done.returncode == 1
    assert "has no mean NLL to compare with" in done.stderr
    assert not file.exists()


@pytest.mark.parametrize("arguments", [[], ["x.log", "--prometheus", "http://127.0.0.1:1"]], ids=["none", "both"])
def test_it_reads_one_source(arguments: list[str]) -> None:
    done = vae_exporter("baseline", *arguments)
    assert (done.returncode, "baseline needs a log or --prometheus URL, one of the two" in done.stderr) == (2, True)


def test_judge_refuses_a_bad_file_before_it_reads_a_log(tmp_path: Path) -> None:
    file = tmp_path / "base.json"
    file.write_text("{}")
    done = vae_exporter("judge", "no-such.log", "--baseline", file)
    assert done.returncode == 2
    assert f"{file} has no field 'baseline'" in done.stderr
    assert "no-such.log" not in done.stderr
