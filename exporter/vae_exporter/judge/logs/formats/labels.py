"""Find labelled numbers in a line of text: ``epoch=1/100 train_loss=0.49``, ``step 96 L1 0.30``, ``Val NLL: 0.16``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vae_exporter.log_names import SPLIT_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT = 1 << 14
"""Longer lines are searched up to this many characters."""

MAX_LABEL = 100

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf"
_NUMBER = re.compile(rf"(?<![\w.])(?P<number>[-+]?(?:{_DIGITS}))(?P<unit>[kKmM])?(?!\w|\.\w|\s*%|:\d)", re.IGNORECASE)
_MEAN = re.compile(rf"\s*\(\s*(?:(?:avg|mean)[:=]?\s*)?(?P<mean>[-+]?(?:{_DIGITS}))\s*\)", re.IGNORECASE)
_UNITS = {"k": 1_000, "m": 1_000_000}
_WRAPPED = re.compile(r"(?:tensor|array|np\.float\d+|float)\(\s*\[?\s*$")
_BETWEEN_PIECES = re.compile(r"(?<!\w)[-+.]?\d[\w.%/:]*|[,|;(){}\[\]<>\"'=\t]|:(?:\s|$)|\s-\s|\s{2,}")
_STARTS = re.compile(r"[A-Za-z_]")

_SPLITS = frozenset(word for words in SPLIT_WORDS.values() for word in words)
_HEADING_WORDS = _SPLITS | {"metrics", "results", "losses", "loss", "stats", "summary", "epoch", "step", "set", "phase"}


def labelled(text: str, split: str = "") -> Iterator[tuple[str, float]]:
    """Yield each label in *text* with its number."""
    for label, number, _ in labelled_with_means(text, split):
        yield label, number


def labelled_with_means(text: str, split: str = "") -> Iterator[tuple[str, float, str]]:
    """Yield each label in *text* with its number, and with the mean that stands behind it in parentheses, or "".

    A split that stands as a word of its own, as in ``Val NLL: 0.16, Rec: 0.01``, applies to the labels that follow it
    in the line, and is put before them, until a label comes again. *split* applies until then.
    """
    at = 0
    outer = split
    seen = set()
    for found in _NUMBER.finditer(text, 0, MAX_TEXT):
        *before, label = _pieces(text[at : found.start()])
        at = found.end()
        split = _split(" ".join(before)) or split
        own = _split(label)
        if not own and f"{split} {label}".lower() in seen:  # Val NLL: 0.16, NLL: 0.50
            split = outer
        if _STARTS.match(label) and len(label) <= MAX_LABEL:
            full = label if own or not split else f"{split} {label}"
            seen.add(full.lower())
            mean = _MEAN.match(text, found.end())
            yield full, scaled(found["number"], found["unit"]), "" if mean is None else mean["mean"]
        split = own or split


def scaled(number: str, unit: str | None) -> float:
    """Return *number*, which may have commas, times its *unit*: ``1,200`` and ``1.2k`` are the same."""
    value = float(number.replace(",", ""))
    return round(value * _UNITS[unit.lower()], 6) if unit else value


def split_of_heading(text: str) -> str:
    """Return the word in *text* that marks a split, if *text* is the heading of a block: ``=== VALIDATION ===``."""
    words = re.findall(r"[^\W\d_]+", text)
    return _split(text) if words and all(word.lower() in _HEADING_WORDS for word in words) else ""


def _pieces(gap: str) -> list[str]:
    """Split the text before a number into its parts. The last one is the label."""
    text = _WRAPPED.sub("", gap.strip()).rstrip()
    text = text[:-1] if text.endswith((":", "=")) else text
    return [piece.strip(" .#*-") for piece in _BETWEEN_PIECES.split(text)]


def _split(text: str) -> str:
    """Return the last of the words of *text* that marks a split."""
    words = [word.strip(":[]=-#*").lower() for word in text.split()]
    return next((word for word in reversed(words) if word in _SPLITS), "")
