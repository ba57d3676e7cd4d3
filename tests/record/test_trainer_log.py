"""Test the values that are found in a trainer's log."""

from __future__ import annotations

from vae_exporter._record.trainer_log import is_of_test, nothing_known, values_of_log
from vae_exporter._record.weighted_nll import weighted_nll


def test_values_are_separated_by_split() -> None:
    log = {"Train NLL": 0.5, "val/nll_loss": 0.6, "test/nll_loss": 0.7, "epoch": 3, "step": 70}
    assert values_of_log(log) == {"train": {"nll": 0.5, "epoch": 3}, "validation": {"nll": 0.6}}


def test_nested_values_are_found() -> None:
    log = {"losses": {"vae": {"train": {"recon": 0.1}}}, "images": {"input": object()}}
    assert values_of_log(log)["train"] == {"rec": 0.1}


def test_a_key_whose_value_is_none_is_ignored() -> None:
    assert values_of_log({"perception_loss": None, "p_loss": 0.5})["train"] == {"perception": 0.5}


def test_other_keys_are_ignored() -> None:
    assert values_of_log({"d_weight": 1.0, "img": object(), 3: 1.0}) == {"train": {}, "validation": {}}  # type: ignore[dict-item]


def test_a_given_name_takes_precedence_and_means_nothing_else() -> None:
    log = {"nll": 0.9, "loss": 0.5, "rec": 0.1}
    assert values_of_log(log, {"nll": "loss", "nil": "rec"})["train"] == {"nll": 0.5, "rec": 0.1}


def test_a_log_of_a_test_is_recognized() -> None:
    assert is_of_test({"test": {"nll": 0.5}})
    assert not is_of_test({"nll": 0.5})


def test_the_warning_lists_what_the_log_has_and_what_is_known() -> None:
    message = nothing_known({"my": {"wert": 1.0}})
    assert "which has my/wert. Known are nll: nll_loss, " in message
    assert 'names={"nll": "my_key"}' in message
    assert "which has no keys" in nothing_known({})
    assert "key19 and 5 more. Known" in nothing_known({f"key{number}": 1 for number in range(25)})


def test_the_nll_is_the_weighted_sum_of_its_parts() -> None:
    weights = {"rec": 10.0, "perception": 1.0, "kl": 1e-6}
    assert weighted_nll({"rec": 0.25, "perception": 0.5, "kl": 9.0}, weights) == 3.0
    assert weighted_nll({"rec": 0.25, "kl": 9.0}, weights) is None
    assert weighted_nll({"rec": 0.25}, {"rec": 2.0}) == 0.5
    assert weighted_nll({"rec": 0.25}, {"kl": 1e-6}) is None
