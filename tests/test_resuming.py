"""A run that goes on in another process, with what a checkpoint or the folder of histories carries."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from scraping import Samples, scrape

from vae_exporter import SettingsError, TrainingExporter

if TYPE_CHECKING:
    from pathlib import Path

LEVEL = 0.2


def train(run: str, first: int, steps: int, nll: float, **settings: Any) -> Samples:  # noqa: ANN401 - of TrainingExporter
    """Train a run to its end, and return what was scraped before it."""
    state = settings.pop("state", None)
    with TrainingExporter(run, port=0, linger_seconds=0, gpus=False, rank=0, **settings) as exporter:
        if state is not None:
            exporter.load_state_dict(state)
        for step in range(first, first + steps):
            exporter.observe(step, nll=nll)
        return scrape(exporter.url)


def state_of_a_run() -> dict[str, Any]:
    exporter = TrainingExporter("before", port=0, gpus=False)
    for step in range(400):
        exporter.observe(step, nll=LEVEL)
    state = exporter.state_dict()
    exporter.close()
    return state


def test_a_checkpoint_carries_the_level() -> None:
    samples = train("after", 400, 1, 0.9, start_step=400, state=json.loads(json.dumps(state_of_a_run())))
    assert samples["vae_loss_held_mean judged"] == pytest.approx(LEVEL)
    assert samples["vae_run_resumed"] == 1


@pytest.mark.parametrize("state", [{}, {"version": 1, "level": "low"}, ["version"], 7])
def test_another_state_is_logged_and_the_training_goes_on(state: object, caplog: pytest.LogCaptureFixture) -> None:
    samples = train("after", 0, 2, 0.9, state=state)
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith("load_state_dict() ignores the state, so the level that the run held is unknown: ")
    assert samples["vae_loss nll train"] == 0.9
    assert samples["vae_run_resumed"] == 0


def test_the_history_carries_the_level_to_a_resumed_run(tmp_path: Path) -> None:
    train("bs4/7", 0, 400, LEVEL, history_dir=tmp_path / "history")
    samples = train("bs4/7", 400, 1, 0.9, history_dir=tmp_path / "history", start_step=400)
    assert samples["vae_loss_held_mean judged"] == pytest.approx(LEVEL)


def test_the_history_carries_the_level_to_another_name(tmp_path: Path) -> None:
    train("job-1", 0, 400, LEVEL, history_dir=tmp_path)
    samples = train("job-2", 400, 1, 0.9, history_dir=tmp_path, resumes="job-1")
    assert samples["vae_loss_held_mean judged"] == pytest.approx(LEVEL)
    assert samples["vae_run_resumed"] == 1
    assert any("job-1" in name for name in samples if name.startswith("vae_run_info"))


def test_the_history_of_a_run_is_the_baseline_of_the_next_one(tmp_path: Path) -> None:
    train("bs4", 0, 400, LEVEL, history_dir=tmp_path)
    samples = train("bs5", 0, 350, 0.9, baseline=tmp_path / "bs4-rank0.json")
    assert samples["vae_baseline_loss_window_mean"] == pytest.approx(LEVEL)
    assert samples["vae_baseline_growth_ratio here"] == pytest.approx(1)
    assert samples["vae_baseline_growth_ratio end"] == pytest.approx(1)


def test_the_data_are_compared_at_their_positions(tmp_path: Path) -> None:
    def train_in(order: list[int], run: str, baseline: Path | None) -> Samples:
        with TrainingExporter(
            run, port=0, linger_seconds=0, gpus=False, rank=0, history_dir=tmp_path, baseline=baseline
        ) as exporter:
            for step, position in enumerate(order[:400]):
                exporter.observe(step, nll=LEVEL, data_position=position)
            early = scrape(exporter.url)
            for step, position in enumerate(order[400:], 400):
                exporter.observe(step, nll=3 * LEVEL if 600 <= position < 700 else LEVEL, data_position=position)
        return early

    forwards = list(range(800))
    train_in(forwards, "forwards", None)
    samples = train_in([*forwards[400:700], *forwards[200:300]], "other-order", tmp_path / "forwards-rank0.json")
    assert samples["vae_baseline_growth_ratio here"] == pytest.approx(1)
    samples = train_in([*forwards[:300], *forwards[600:700]], "hard-early", tmp_path / "forwards-rank0.json")
    assert samples["vae_baseline_growth_ratio here"] == pytest.approx(3, rel=0.05)


def test_a_run_from_scratch_takes_over_nothing(tmp_path: Path) -> None:
    train("bs4", 0, 400, LEVEL, history_dir=tmp_path)
    samples = train("bs4", 0, 1, 0.9, history_dir=tmp_path)
    assert "vae_loss_held_mean judged" not in samples


def test_runs_whose_names_differ_in_punctuation_have_histories_of_their_own(tmp_path: Path) -> None:
    train("a/b", 0, 400, LEVEL, history_dir=tmp_path)
    samples = train("a-b", 400, 1, 0.9, history_dir=tmp_path, start_step=400)
    assert "vae_loss_held_mean judged" not in samples


def test_a_history_that_cannot_be_read_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train("bs4", 0, 400, LEVEL, history_dir=tmp_path)
    [file] = tmp_path.iterdir()
    file.write_text("{")
    samples = train("bs4", 400, 1, 0.9, history_dir=tmp_path, start_step=400)
    assert samples["vae_loss nll train"] == 0.9
    assert f"the level that run 'bs4' held is unknown: cannot read {file}" in caplog.text


def test_a_history_that_cannot_be_written_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    train("bs4", 0, 1, LEVEL, history_dir=blocked / "history")
    assert f"run 'bs4' leaves no history: cannot write {blocked}" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resumes": "bs4"}, "resumes must be the name of another run, got 'bs4', which is this one"),
        ({"resumes": ""}, "resumes must not be empty"),
        ({"resumes": 7}, "resumes must be a string, got 7"),
        ({"info": {"resumes": "x"}}, "info must not have the key 'resumes'"),
        ({"baseline": "no-such.json"}, "cannot read the baseline no-such.json"),
        ({"history_dir": ""}, "history_dir must be the path of a folder, got ''"),
        ({"history_dir": __file__}, "which is not a folder"),
    ],
)
def test_invalid_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TrainingExporter("bs4", gpus=False, **settings)
