"""The keys under which trainers log."""

from __future__ import annotations

import pytest

from vae_exporter._record.log_names import LOG_NAMES, values_of_log
from vae_exporter.vocabulary import COMPONENTS, GAUGES


def test_each_value_has_names() -> None:
    assert set(LOG_NAMES) == {*COMPONENTS, *GAUGES}


@pytest.mark.parametrize(
    ("key", "split", "value"),
    [
        ("nll_loss", "train", "nll"),
        ("train/rec_loss", "train", "rec"),
        ("p_loss", "train", "perception"),
        ("train/perception_loss", "train", "perception"),
        ("kl_loss", "train", "kl"),
        ("vae_loss", "train", "total"),
        ("train/total_loss", "train", "total"),
        ("train/logvar", "train", "logvar"),
        ("train/g_loss", "train", "generator"),
        ("train/disc_loss", "train", "discriminator"),
        ("train/disc_factor", "train", "discriminator_factor"),
        ("loss_scale", "train", "loss_scale"),
        ("grad_norm", "train", "gradient_norm"),
        ("lr", "train", "learning_rate"),
        ("val/nll_loss", "validation", "nll"),
        ("validation/rec_loss", "validation", "rec"),
    ],
)
def test_each_key_gives_its_value(key: str, split: str, value: str) -> None:
    assert values_of_log({key: 0.5}) == {"train": {}, "validation": {}, split: {value: 0.5}}


@pytest.mark.parametrize(
    ("winner", "other"),
    [
        ("perception_loss", "p_loss"),
        ("total_loss", "vae_loss"),
        ("train/nll_loss", "nll_loss"),
        ("val/nll_loss", "validation/nll_loss"),
        ("train/lr", "lr"),
    ],
)
def test_precedence_does_not_depend_on_the_order_of_the_log(winner: str, other: str) -> None:
    for log in ({winner: 1.0, other: 2.0}, {other: 2.0, winner: 1.0}):
        values = [value for split in values_of_log(log).values() for value in split.values()]
        assert values == [1.0]


def test_a_key_whose_value_is_none_is_ignored() -> None:
    assert values_of_log({"perception_loss": None, "p_loss": 0.5})["train"] == {"perception": 0.5}


def test_other_keys_are_ignored() -> None:
    assert values_of_log({"d_weight": 1.0, "img": object(), "test/nll_loss": 1.0, 3: 1.0}) == {  # type: ignore[dict-item]
        "train": {},
        "validation": {},
    }
