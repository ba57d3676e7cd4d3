"""The names under which trainers log their values, for live runs and for past ones.

A name is recognized by all of its words: `Val NLL` is the NLL of a validation, and `ema_nll` is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from vae_exporter.vocabulary import COMPONENTS, GAUGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STEP = "step"
TIME = "time"

LOG_NAMES: Mapping[str, tuple[str, ...]] = {
    **{component: (f"{component} loss",) for component in COMPONENTS},
    **{gauge: (gauge.replace("_", " "),) for gauge in GAUGES},
    "nll": ("nll loss", "negative log likelihood loss"),
    "rec": (
        "rec loss",
        "recon loss",
        "reconstruction loss",
        "reconstruct loss",
        "reconst loss",
        "nll rec loss",
        "mse loss",
        "l1 loss",
        "l2 loss",
    ),
    "perception": ("perception loss", "p loss!", "perceptual loss", "lpips loss", "nll per loss"),
    "kl": ("kl loss", "kld loss", "kl divergence loss", "kl div loss"),
    "total": ("total loss", "vae loss!", "ae loss!", "loss!"),
    "generator": ("g loss!", "generator loss", "gen loss!", "adversarial loss", "adv loss!", "gan loss!"),
    "discriminator": ("disc loss!", "discriminator loss", "d loss!"),
    "learning_rate": ("lr", "learning rate"),
    "gradient_norm": ("grad norm", "gradient norm"),
    "logvar": ("logvar", "log var"),
    "loss_scale": ("loss scale!",),
    "discriminator_factor": ("disc factor", "discriminator factor"),
    STEP: (
        "global step",
        "trainer global step",
        "global iteration",
        "global iter",
        "step",
        "iteration",
        "iter",
        "n iter",
        "steps",
        "iterations",
        "it",
    ),
    TIME: ("timestamp", "wall time", "time", "created at", "date"),
}
"""The names of each value, in order of precedence, as words without a prefix.

The word *loss* may be left out of a name, unless an exclamation mark follows. It may stand anywhere.
"""

SPLIT_WORDS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "eval", "evaluation"),
    "test": ("test",),
}
"""The words that mark the split of a value, in order of precedence. Values of the split *test* are not used."""

NEUTRAL_WORDS: Mapping[str, int] = {
    **dict.fromkeys(("metric", "metrics", "scalar", "scalars", "stat", "stats", "logs", "opt"), 1),
    **dict.fromkeys(("vae", "ae", "autoencoder", "model"), 1),
    **dict.fromkeys(("step", "iter", "iteration", "batch"), 2),
    **dict.fromkeys(("epoch", "mean", "avg", "average"), 3),
}
"""Words that do not change which value a name means. Of two names, the one with the smaller sum takes precedence."""

LOSS_WORDS = ("loss", "losses")

MAX_DEPTH = 4
"""How deep values in nested dictionaries are found."""

_BEFORE_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")

_MAX_NAME = 200
"""A name with more characters is not a name."""


@dataclass(frozen=True, order=True)
class Meaning:
    """What a name in a log means. If several names of a log mean the same value, the smallest meaning is used."""

    neutral: int
    alias: int
    is_bare: bool
    split_word: int
    lacks_loss: bool
    key: str
    value: str
    split: str


@dataclass(frozen=True)
class _Alias:
    value: str
    place: int
    loss: bool | None  # whether the name has the word loss; None if it may


def _aliases() -> dict[tuple[str, ...], list[_Alias]]:
    found: dict[tuple[str, ...], list[_Alias]] = {}
    for value, names in LOG_NAMES.items():
        for place, name in enumerate(names):
            words = name.removesuffix("!").split()
            loss = (True if name.endswith("!") else None) if "loss" in words else False
            core = tuple(word for word in words if word != "loss")
            found.setdefault(core, []).append(_Alias(value, place, loss))
    return found


_ALIASES = _aliases()

_SPLITS = {word: (split, place) for split, words in SPLIT_WORDS.items() for place, word in enumerate(words)}


@lru_cache(maxsize=4096)
def meaning(key: str) -> Meaning | None:
    """Return what the name *key* means, or None if one of its words is unknown."""
    words = _words(key) if len(key) <= _MAX_NAME else []
    splits = [_SPLITS[word] for word in words if word in _SPLITS]
    if len({split for split, _ in splits}) > 1:
        return None
    split, split_word = splits[0] if splits else ("train", 0)
    has_loss = any(word in LOSS_WORDS for word in words)
    core = [word for word in words if word not in _SPLITS and word not in LOSS_WORDS]
    for left_out in (0, 1, 3):  # leave out as few words as possible: epoch is a value, and a neutral word
        telling = tuple(word for word in core if not 0 < NEUTRAL_WORDS.get(word, 0) <= left_out)
        for alias in _ALIASES.get(telling, ()):
            # step_time is not a time
            if alias.loss in (None, has_loss) and not (left_out > 1 and alias.value in (STEP, TIME)):
                neutral = sum(NEUTRAL_WORDS[word] for word in core if word not in telling)
                return Meaning(neutral, alias.place, not splits, split_word, not has_loss, key, alias.value, split)
    return None


def find_values(keys: Iterable[str], split: str = "train") -> dict[str, str]:
    """Return the key of each value of *split* that is found among *keys*."""
    found: dict[str, Meaning] = {}
    for key in keys:
        known = meaning(key)
        if known is not None and known.split == split and (known.value not in found or known < found[known.value]):
            found[known.value] = known
    return {value: found[value].key for value in LOG_NAMES if value in found}


def flat(nested: Mapping[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield the names and values of *nested*. Those of nested dictionaries are named ``outer/inner``."""
    for name, value in nested.items():
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from flat(value, f"{prefix}{name}/", depth + 1)
        else:
            yield f"{prefix}{name}", value


def _words(key: str) -> list[str]:
    found = []
    for word in _BETWEEN_WORDS.split(_BEFORE_CAPITAL.sub(" ", key).lower()):
        if word.endswith("loss") and word != "loss":  # aeloss and discloss of taming-transformers
            found += [word.removesuffix("loss"), "loss"]
        elif word:
            found.append(word)
    return found
