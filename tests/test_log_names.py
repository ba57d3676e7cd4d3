"""The names under which trainers log."""

from __future__ import annotations

from pathlib import Path

import pytest

from vae_exporter.log_names import LOG_NAMES, NEUTRAL_WORDS, SPLIT_WORDS, STEP, TIME, find_values, flat, meaning
from vae_exporter.vocabulary import COMPONENTS, GAUGES

ROOT = Path(__file__).parents[1]


def test_each_value_has_names() -> None:
    assert set(LOG_NAMES) == {*COMPONENTS, *GAUGES, STEP, TIME}


@pytest.mark.parametrize("value", LOG_NAMES)
def test_each_name_means_its_value_with_any_separator_and_prefix(value: str) -> None:
    for name in LOG_NAMES[value]:
        words = name.removesuffix("!")
        for separator in (" ", "_", "/", ".", "-"):
            for prefix in ("", "train", "metrics"):
                key = f"{prefix} {words}".strip().replace(" ", separator)
                known = meaning(key)
                assert known is not None, key
                assert (known.value, known.split) == (value, "train"), key


@pytest.mark.parametrize(
    ("key", "split", "value"),
    [
        ("nll_loss", "train", "nll"),
        ("train/rec_loss", "train", "rec"),
        ("recon", "train", "rec"),
        ("reconstruct_loss", "train", "rec"),
        ("Train Recon Loss", "train", "rec"),
        ("nll_rec", "train", "rec"),
        ("L1", "train", "rec"),
        ("nll_per", "train", "perception"),
        ("p_loss", "train", "perception"),
        ("perceptual", "train", "perception"),
        ("loss/train/lpips", "train", "perception"),
        ("train/loss/kl", "train", "kl"),
        ("losses/vae/kld", "train", "kl"),
        ("vae_loss", "train", "total"),
        ("aeloss", "train", "total"),
        ("train_loss", "train", "total"),
        ("loss/train", "train", "total"),
        ("trainLoss", "train", "total"),
        ("step_loss", "train", "total"),
        ("train/nll_loss_step", "train", "nll"),
        ("train/discloss", "train", "discriminator"),
        ("train/disc_factor", "train", "discriminator_factor"),
        ("loss_scale", "train", "loss_scale"),
        ("Val NLL", "validation", "nll"),
        ("nll/val", "validation", "nll"),
        ("validation/rec_loss", "validation", "rec"),
        ("eval_loss", "validation", "total"),
        ("loss/eval/recon", "validation", "rec"),
        ("test/nll_loss", "test", "nll"),
        ("trainer/global_step", "train", "step"),
        ("train_step", "train", "step"),
        ("_timestamp", "train", "time"),
    ],
)
def test_a_name_is_known_by_all_of_its_words(key: str, split: str, value: str) -> None:
    known = meaning(key)
    assert known is not None
    assert (known.split, known.value) == (split, value)


@pytest.mark.parametrize(
    "key",
    [
        "ema_nll_loss",
        "nll_loss_max",
        "d_weight",
        "kl_weight",
        "train_val_loss",
        "logits_real",
        "scale",
        "p",
        "vae",
        "step_time",
        "learning_rate_loss",
        "train",
        "",
        "nll" * 100,
    ],
)
def test_a_name_with_a_word_of_another_meaning_is_unknown(key: str) -> None:
    assert meaning(key) is None


@pytest.mark.parametrize(
    ("value", "winner", "other"),
    [
        ("perception", "perception_loss", "p_loss"),
        ("total", "total_loss", "vae_loss"),
        ("total", "vae_loss", "loss"),
        ("nll", "train/nll_loss", "nll_loss"),
        ("nll", "nll_loss", "nll"),
        ("nll", "nll_loss_step", "nll_loss_epoch"),
        ("nll", "nll", "mean_nll"),
        ("rec", "recon", "l1"),
        ("learning_rate", "train/lr", "lr"),
        ("step", "global_step", "step"),
        ("step", "step", "it"),
    ],
)
def test_precedence_does_not_depend_on_the_order_of_the_log(value: str, winner: str, other: str) -> None:
    assert find_values([winner, other]) == find_values([other, winner]) == {value: winner}


def test_of_two_names_of_a_validation_one_is_used() -> None:
    keys = ["validation/nll_loss", "val/nll_loss", "nll"]
    assert find_values(keys, "validation") == {"nll": "val/nll_loss"}


def test_neutral_words_alone_are_no_loss() -> None:
    losses = {word for word in NEUTRAL_WORDS if (known := meaning(word)) is not None and known.value in COMPONENTS}
    assert losses == set()


def test_nested_values_are_named_after_all_outer_names() -> None:
    assert dict(flat({"a": {"b": {"c": 1}}, "d": 2})) == {"a/b/c": 1, "d": 2}


def test_the_documentation_lists_every_name_and_word() -> None:
    _, _, section = (ROOT / "docs" / "metrics.md").read_text().partition("## Log names")
    for value, names in LOG_NAMES.items():
        if value not in (STEP, TIME):
            assert f"`{value}`" in section
            for name in names:
                text = name.removesuffix("!").replace(" ", "_")
                marked = name.endswith("!") and value in COMPONENTS and name != "loss!"
                assert f"`{text}`{'!' if marked else ''}" in section, name
    for word in (*NEUTRAL_WORDS, *(word for words in SPLIT_WORDS.values() for word in words)):
        assert f"*{word}*" in section or word in ("metric", "scalar", "stat"), word
