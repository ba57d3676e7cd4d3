"""The state that a checkpoint carries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vae_exporter._record.recorder import Recorder
from vae_exporter._record.saved_state import read_state
from vae_exporter.errors import SettingsError


def state_after(steps: int, nll: float = 0.2, **values: float) -> dict[str, Any]:
    """Return the state of a run that made *steps* steps, by way of JSON."""
    recorder = Recorder()
    for step in range(steps):
        recorder.observe(step, {"nll": nll, **values, "learning_rate": 1e-4 * min(step, 50)})
    recorder.observe_probe(steps - 1, {"nll": nll / 2})
    state: dict[str, Any] = json.loads(json.dumps(recorder.state().as_dict()))
    return state


def resumed(state: object, start_step: int | None, nll: float = 0.3, steps: int = 400) -> Recorder:
    recorder = Recorder(start_step=start_step)
    recorder.take_over(read_state(state))
    first = start_step or 0
    for step in range(first, first + steps):
        recorder.observe(step, {"nll": nll, "rec": nll / 20})
    return recorder


def test_a_resumed_run_has_the_level_that_was_held() -> None:
    level = resumed(state_after(400, rec=0.01), 400).facts().level
    assert level.held == pytest.approx(0.2)
    assert level.held_means["rec"] == pytest.approx(0.01)
    assert level.best == pytest.approx(0.2)
    assert level.best_short == pytest.approx(0.2)
    assert level.highest == pytest.approx(0.3)
    assert level.last_step == 389


def test_a_lower_level_of_its_own_counts() -> None:
    level = resumed(state_after(400, rec=0.02), 400, nll=0.1).facts().level
    assert level.held == pytest.approx(0.1)
    assert level.held_means["rec"] == pytest.approx(0.005)


def test_it_counts_as_resumed_without_a_start_step() -> None:
    assert resumed(state_after(400), None, steps=1).facts().steps.is_resumed


def test_changes_and_the_best_probe_are_handed_on() -> None:
    facts = resumed(state_after(400), 400, steps=1).facts()
    assert (facts.changes["learning_rate"].first_step, facts.changes["learning_rate"].last_step) == (1, 50)
    assert facts.probe.best == {"nll": pytest.approx(0.1)}


def test_what_came_after_the_checkpoint_is_forgotten() -> None:
    facts = resumed(state_after(400), 1, steps=1).facts()
    assert facts.level.last_step == 0
    assert facts.changes.keys() == {"resume"}


def test_groups_keep_their_levels() -> None:
    def train(recorder: Recorder, first: int, factor: float) -> None:
        for step in range(first, first + 600):
            easy = step % 2
            recorder.observe(step, {"nll": factor * (0.1 if easy else 0.3)}, group="easy" if easy else "hard")

    before = Recorder()
    train(before, 0, 1.0)
    after = Recorder(start_step=600)
    after.take_over(read_state(json.loads(json.dumps(before.state().as_dict()))))
    train(after, 600, 2.0)
    assert after.facts().level.held == pytest.approx(0.2)


def test_a_process_that_made_no_step_hands_on_what_it_took_over() -> None:
    first = state_after(400)
    second = Recorder()
    second.take_over(read_state(first))
    assert second.state().as_dict()["level"] == first["level"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: None, "version 1, got None"),  # noqa: ARG005
        (lambda state: [state], "the state must be a dictionary"),
        (lambda state: state | {"version": 2}, "version 1, got 2"),
        (lambda state: state | {"level": 0.2}, "level must be a dictionary, got 0.2"),
        (lambda state: state | {"level": {"held": "low"}}, r"level\['held'\] must be a finite number, got 'low'"),
        (lambda state: state | {"level": {"held_step": 1.5}}, r"level\['held_step'\] must be a whole number, got 1.5"),
        (lambda state: state | {"step": "400"}, "step must be a whole number, got '400'"),
        (lambda state: state | {"changes": {"stage": 3}}, r"changes\['stage'\] must be a dictionary, got 3"),
        (lambda state: state | {"probe_best": {"nll": None}}, r"probe_best\['nll'\] must be a finite number, got None"),
    ],
)
def test_another_content_is_refused(change: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(SettingsError, match=message):
        read_state(change(state_after(10)))
