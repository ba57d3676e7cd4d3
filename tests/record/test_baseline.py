"""The run before, and what it had at the positions of the present one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from vae_exporter._record.baseline import FILE_FIELD, read_baseline
from vae_exporter._record.recorder import Recorder
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vae_exporter._record.baseline import Baseline
    from vae_exporter._record.facts import BaselineFacts

STEPS = 1000
HARD = range(600, 800)


def nll(step: int) -> float:
    """Return an NLL that is at 0.2, and three times as high on hard data."""
    return 0.6 if step in HARD else 0.2


def train(
    recorder: Recorder,
    steps: Iterable[int],
    losses: Callable[[int], float] = nll,
    positions: dict[int, int] | None = None,
) -> None:
    for step in steps:
        recorder.observe(step, {"nll": losses(step)}, data_position=positions[step] if positions else None)


def run_before(path: Path, steps: int = STEPS, positions: dict[int, int] | None = None) -> Path:
    """Train a run, and store it in *path*."""
    recorder = Recorder(keeps_course=True)
    train(recorder, range(steps), positions=positions)
    course = recorder.course()
    assert course
    path.write_text(json.dumps({FILE_FIELD: course.as_dict()}))
    return path


def facts_at(step: int, baseline: Baseline, first: int = 0, positions: dict[int, int] | None = None) -> BaselineFacts:
    recorder = Recorder(baseline=baseline)
    train(recorder, range(first, step + 2), lambda _: 0.2, positions)  # the values of a step count with the next one
    facts = recorder.facts().baseline
    assert facts
    return facts


def test_it_is_compared_at_the_same_steps(tmp_path: Path) -> None:
    before = read_baseline(run_before(tmp_path / "base.json"))
    easy, half, hard = facts_at(599, before), facts_at(649, before), facts_at(699, before)
    assert [easy.mean, half.mean, hard.mean] == pytest.approx([0.2, 0.4, 0.6])
    assert [easy.growth, half.growth, hard.growth] == pytest.approx([1.0, 2.0, 3.0])
    assert hard.end_growth == pytest.approx(1.0)


def test_it_is_compared_at_the_same_data_in_another_order(tmp_path: Path) -> None:
    indices = {step: step for step in range(STEPS)}
    before = read_baseline(run_before(tmp_path / "base.json", positions=indices))
    backwards = {step: STEPS - 1 - step for step in range(STEPS)}
    assert facts_at(399, before, positions=backwards).growth == pytest.approx(3.0)
    assert facts_at(699, before, positions=backwards).growth == pytest.approx(1.0)


def test_a_resumed_run_is_compared_from_its_own_steps_on(tmp_path: Path) -> None:
    before = read_baseline(run_before(tmp_path / "base.json"))
    assert facts_at(719, before, first=600).growth == pytest.approx(3.0)


def test_one_outlier_of_the_run_before_is_no_growth(tmp_path: Path) -> None:
    recorder = Recorder(keeps_course=True)
    train(recorder, range(STEPS), lambda step: 20.0 if step == 650 else 0.2)
    course = recorder.course()
    assert course
    path = tmp_path / "base.json"
    path.write_text(json.dumps({FILE_FIELD: course.as_dict()}))
    facts = facts_at(699, read_baseline(path))
    assert facts.mean > 0.3
    assert facts.growth == pytest.approx(1.0)


def test_a_run_that_ended_in_a_rise_says_so(tmp_path: Path) -> None:
    before = read_baseline(run_before(tmp_path / "base.json", steps=750))
    assert before.end_growth == pytest.approx(3.0)


def test_nothing_is_known_of_what_the_run_before_did_not_reach(tmp_path: Path) -> None:
    recorder = Recorder(baseline=read_baseline(run_before(tmp_path / "base.json")))
    train(recorder, range(STEPS + 200), lambda _: 0.2)
    assert recorder.facts().baseline is None


def test_a_run_whose_batches_have_groups_is_no_baseline() -> None:
    recorder = Recorder(keeps_course=True)
    for step in range(STEPS):
        recorder.observe(step, {"nll": 0.2}, group=f"{step % 2}")
    assert recorder.course() is None


def test_a_missing_position_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    indices = {step: step for step in range(STEPS)}
    recorder = Recorder(baseline=read_baseline(run_before(tmp_path / "base.json", positions=indices)))
    train(recorder, range(200))
    [warning] = [record.getMessage() for record in caplog.records]
    assert warning.startswith("the baseline is ordered by data_position, so a step without data_position=")
    assert recorder.facts().baseline is None


def test_an_invalid_position_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder()
    recorder.observe(1, {"nll": 0.2}, data_position="shard-7")
    facts = recorder.facts()
    assert facts.dropped["invalid"] == 1
    assert facts.losses["nll"].last == 0.2
    assert "data_position must be a whole number, got a str" in caplog.text


GOOD: dict[str, Any] = {
    "end_growth": 1.0,
    "by": "step",
    "width": 10,
    "positions": [0, 10],
    "means": [0.2, 0.3],
    "levels": [0.2, 0.2],
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read the baseline .*: No such file"),
        ("{", "is not JSON"),
        ([], "has no field 'baseline'"),
        ({"band_edges": {}}, "has no field 'baseline'"),
        ({FILE_FIELD: 7}, "baseline must be a dictionary"),
        ({FILE_FIELD: GOOD | {"by": "time"}}, "by must be step or data_position, got 'time'"),
        ({FILE_FIELD: GOOD | {"width": 0}}, "width must be a whole number above 0, got 0"),
        ({FILE_FIELD: GOOD | {"means": [0.2]}}, "lists of the same length"),
        ({FILE_FIELD: GOOD | {"positions": [], "means": [], "levels": []}}, "which is not 0"),
        ({FILE_FIELD: GOOD | {"positions": [0, "x"]}}, "positions must be whole numbers, got 'x'"),
        ({FILE_FIELD: GOOD | {"levels": [0.2, 0]}}, "levels must be above 0"),
        ({FILE_FIELD: GOOD | {"means": [0.2, None]}}, "means must be a finite number, got None"),
        ({FILE_FIELD: GOOD | {"end_growth": "x"}}, "end_growth must be a finite number, got 'x'"),
    ],
)
def test_another_file_is_refused_with_its_name_and_what_to_do(content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    if content is not None:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SettingsError, match=message) as caught:
        read_baseline(path)
    assert str(path) in str(caught.value)
    assert "vae-exporter baseline" in str(caught.value)


def test_a_baseline_must_be_a_path() -> None:
    with pytest.raises(SettingsError, match="baseline must be the path of a file, got 7"):
        read_baseline(7)
