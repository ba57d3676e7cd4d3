"""What the reported NLL consists of, and what of it is judged."""

from __future__ import annotations

import re
from math import exp

import pytest

from vae_exporter._process.loss_definition import PRESETS, LossDefinition
from vae_exporter._process.loss_settings import check_loss, check_window_steps
from vae_exporter.errors import SettingsError

STANDARD = {"rec": 10, "perception": 1}


class TestJudge:
    def test_without_a_declaration_the_nll_is_judged(self) -> None:
        definition = LossDefinition()
        assert definition.judge({"nll": 0.2}, 0.0) == 0.2
        assert definition.judged == "nll"
        assert definition.has_standard_scale

    @pytest.mark.parametrize("logvar", [709.9, 1e308])
    def test_a_logvar_whose_exponential_is_infinite_leaves_nothing_to_judge(self, logvar: float) -> None:
        definition = LossDefinition(STANDARD)
        assert definition.judge({"nll": 0.2}, logvar) is None
        assert definition.balance({"nll": 0.2, "rec": 0.01, "perception": 0.1}, logvar) is None

    def test_other_weights_are_judged_by_the_standard_ones(self) -> None:
        definition = LossDefinition({"rec": 1, "perception": 1})
        assert definition.judge({"nll": 0.19, "rec": 0.05, "perception": 0.14}, 0.0) == pytest.approx(0.64)
        assert definition.judged == "10 * rec + 1 * perception"
        assert definition.part_weights == STANDARD

    def test_the_reweighted_nll_needs_both_parts(self) -> None:
        definition = LossDefinition({"rec": 1, "perception": 1})
        assert definition.needs == {"rec", "perception"}
        assert definition.judge({"nll": 0.19, "rec": 0.05}, 0.0) is None

    @pytest.mark.parametrize(
        "definition",
        [
            LossDefinition(STANDARD),
            LossDefinition({"rec": 1}),
            LossDefinition({"rec": 1, "perception": 1}, has_own_edges=True),
            LossDefinition({"rec": 1, "perception": 1}, rec_contains_perception=True),
            LossDefinition({"rec": 1, "perception": 1}, distance="l1"),
        ],
        ids=["standard", "one part", "own edges", "inseparable", "l1"],
    )
    def test_it_is_not_reweighted_where_that_is_not_exact_or_not_wanted(self, definition: LossDefinition) -> None:
        assert not definition.is_reweighted
        assert definition.judge({"nll": 0.2, "rec": 9.0, "perception": 9.0}, 0.0) == 0.2

    def test_a_sum_is_divided_by_its_elements(self) -> None:
        definition = LossDefinition(reduction="sum", elements=1000)
        assert definition.judge({"nll": 200.0}, 0.0) == 0.2
        assert definition.judged == "nll / 1000"
        assert definition.has_standard_scale

    def test_a_learned_logvar_is_taken_out(self) -> None:
        nll = 0.2
        assert LossDefinition().judge({"nll": nll / exp(-1.5) - 1.5}, -1.5) == pytest.approx(nll)

    def test_the_logvar_stays_in_a_sum_of_unknown_size(self) -> None:
        assert LossDefinition(reduction="sum").judge({"nll": 5000.0}, -1.5) == 5000.0

    @pytest.mark.parametrize(
        "definition",
        [
            LossDefinition(distance="l1"),
            LossDefinition(reduction="sum"),
            LossDefinition({"rec": 3}),
            LossDefinition(rec_contains_perception=True),
        ],
        ids=["l1", "sum of unknown size", "another weight", "an unknown weight of the perceptual term"],
    )
    def test_the_default_bands_do_not_fit_another_scale(self, definition: LossDefinition) -> None:
        assert not definition.has_standard_scale


class TestBalance:
    def test_parts_that_add_up_leave_nothing(self) -> None:
        balance = LossDefinition(STANDARD).balance({"nll": 0.3, "rec": 0.02, "perception": 0.1}, 0.0)
        assert balance is not None
        assert balance[1] == pytest.approx(0)

    def test_what_they_leave_is_returned(self) -> None:
        balance = LossDefinition(STANDARD).balance({"nll": 0.4, "rec": 0.02, "perception": 0.1}, 0.0)
        assert balance is not None
        assert balance[0] == 0.4
        assert balance[1] == pytest.approx(0.1)

    @pytest.mark.parametrize(
        "definition",
        [LossDefinition(), LossDefinition(STANDARD, rec_contains_perception=True)],
        ids=["no weights", "inseparable"],
    )
    def test_it_is_unknown_without_parts(self, definition: LossDefinition) -> None:
        assert definition.balance({"nll": 0.3, "rec": 0.02, "perception": 0.1}, 0.0) is None

    def test_parts_that_cannot_be_told_apart_have_no_weights(self) -> None:
        assert LossDefinition(STANDARD, rec_contains_perception=True).part_weights == {}

    def test_new_weights_replace_the_old_ones(self) -> None:
        definition = LossDefinition({"rec": 10, "kl": 1e-6}).with_weights({"kl": 1e-4})
        assert definition.weights == {"rec": 10, "kl": 1e-4}


class TestSettings:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_every_preset_is_valid(self, preset: str) -> None:
        assert isinstance(check_loss(preset, {}, has_own_edges=False), LossDefinition)

    def test_fields_win_over_a_preset(self) -> None:
        definition = check_loss({"preset": "diffusers", "elements": 196_608}, {}, has_own_edges=False)
        assert definition.rec_contains_perception
        assert definition.elements == 196_608
        assert not definition.has_standard_scale

    @pytest.mark.parametrize(
        ("loss", "message"),
        [
            ("difusers", "loss['preset'] must be one of standard,"),
            (3, "loss must be the name of a preset"),
            ({"reductoin": "sum"}, "did you mean 'reduction'?"),
            ({"distance": "huber"}, "loss['distance'] must be 'mse' or 'l1', got 'huber'"),
            ({"elements": 0}, "loss['elements'] must be a whole number above 0, got 0"),
            ({"elements": True}, "loss['elements'] must be a whole number above 0, got True"),
            ({"rec_contains_perception": "yes"}, "loss['rec_contains_perception'] must be True or False, got 'yes'"),
        ],
        ids=["preset", "type", "field", "distance", "elements", "bool", "flag"],
    )
    def test_a_mistake_is_named_with_its_fix(self, loss: object, message: str) -> None:
        with pytest.raises(SettingsError, match=re.escape(message)):
            check_loss(loss, {}, has_own_edges=False)

    @pytest.mark.parametrize("steps", [50, 100, 10_000, None])
    def test_a_window_that_can_be(self, steps: int | None) -> None:
        assert check_window_steps(steps) == steps

    @pytest.mark.parametrize("steps", [0, 40, 105, 20_000, True, 100.0, "100"])
    def test_a_window_that_cannot_be(self, steps: object) -> None:
        with pytest.raises(SettingsError, match="window_steps must be a multiple of 10 between 50 and 10000"):
            check_window_steps(steps)
