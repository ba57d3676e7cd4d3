"""Test the search for labelled numbers in text."""

from __future__ import annotations

import time

import pytest

from vae_exporter.judge.logs.formats.labels import labelled, split_of_heading


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("epoch=1/100 train_loss=0.49", {"epoch": 1, "train_loss": 0.49}),
        ("step 100, rec: 0.5, kl: -1.5e+03", {"step": 100, "rec": 0.5, "kl": -1500}),
        ("step 96 | 2.7 s | loss 0.4 L1 0.30", {"step": 96, "loss": 0.4, "L1": 0.3}),
        ("step 96 2.7s loss 0.4 12% kl nan", {"step": 96, "loss": 0.4, "kl": pytest.approx(float("nan"), nan_ok=True)}),
        ("Train Recon Loss: 0.5 | Val NLL: 0.16", {"Train Recon Loss": 0.5, "Val NLL": 0.16}),
        ("Val NLL: 0.16, Rec: 0.01 | Train Rec: 0.02", {"Val NLL": 0.16, "val Rec": 0.01, "Train Rec": 0.02}),
        ("Val NLL: 0.16, NLL: 0.5, Rec: 0.02", {"Val NLL": 0.16, "NLL": 0.5, "Rec": 0.02}),
        ("[VAL] step 3 nll 0.5", {"val step": 3, "val nll": 0.5}),
        ("val_nll=0.2, kl=5", {"val_nll": 0.2, "kl": 5}),
        ("2026-11-24 09:00:00,123 - train - INFO - nll: tensor(0.5)", {"train nll": 0.5}),
        ("Epoch 0:  12%|#2   | 120/1000 [00:30<03:40,  4.00it/s, nll=0.31]", {"Epoch": 0, "nll": 0.31}),
        ("12s - loss: 0.31 - val_nll: 0.2", {"loss": 0.31, "val_nll": 0.2}),
        ("step 1,200 kl 1,234,567.5", {"step": 1200, "kl": 1234567.5}),
        ("step 1.2k nll 0.5", {"step": 1200, "nll": 0.5}),
        ("'nll': 0.5 v2 10:30:00", {}),
    ],
    ids=str,
)
def test_numbers_have_the_words_before_them_as_labels(text: str, pairs: dict[str, float]) -> None:
    assert dict(labelled(text)) == pairs


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("=== VALIDATION ===", "validation"),
        ("TRAINING:", "training"),
        ("[train] epoch 3", "train"),
        ("Val metrics", "val"),
        ("Validation: 100%|###| 20/20 [00:10<00:00, 2.1it/s]", ""),
        ("running validation", ""),
        ("epoch 3", ""),
        ("", ""),
    ],
)
def test_a_line_with_nothing_but_a_split_is_a_heading(text: str, split: str) -> None:
    assert split_of_heading(text) == split


@pytest.mark.parametrize("text", ["a " * 500_000, "1 " * 500_000, "a:" * 500_000, "- " * 500_000, " " * 1_000_000])
def test_a_long_line_is_searched_in_time(text: str) -> None:
    began = time.process_time()
    list(labelled(text))
    split_of_heading(text)
    assert time.process_time() - began < 5
