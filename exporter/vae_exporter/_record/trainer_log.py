"""Find the values of `TrainingExporter.observe` in the dictionary that a trainer logs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from vae_exporter.log_names import LOG_NAMES, find_values, flat, meaning
from vae_exporter.vocabulary import COMPONENTS, GAUGES, SPLITS

if TYPE_CHECKING:
    from collections.abc import Mapping

_VALUES = frozenset({*COMPONENTS, *GAUGES})

_MAX_LISTED = 20
"""The most keys of a log that a message lists."""


def values_of_log(log: Mapping[str, object], names: Mapping[str, str] | None = None) -> dict[str, dict[str, object]]:
    """Return the known values in *log*, by split and name. Other entries are ignored.

    *names* maps values to keys. It takes precedence over the known names.
    """
    entries = {key: value for key, value in flat(log) if value is not None}
    found = _keys(tuple(entries), tuple((names or {}).items()))
    return {split: {value: entries[key] for value, key in keys.items()} for split, keys in found.items()}


@lru_cache(maxsize=256)
def _keys(keys: tuple[str, ...], names: tuple[tuple[str, str], ...]) -> dict[str, dict[str, str]]:
    """Return the key of each value, by split. A trainer logs the same keys again and again."""
    given = {value: key for value, key in names if value in _VALUES and key in keys}
    rest = [key for key in keys if key not in given.values()]
    known = {split: find_values(rest, split) for split in SPLITS}
    known["train"].update(given)
    return {split: {value: key for value, key in found.items() if value in _VALUES} for split, found in known.items()}


def is_of_test(log: Mapping[str, object]) -> bool:
    """Return whether *log* has values of a test, which are not recorded."""
    return any((known := meaning(key)) is not None and known.split == "test" for key, _ in flat(log))


def nothing_known(log: Mapping[str, object]) -> str:
    """Return the warning about a *log* in which no key is known."""
    keys = [key for key, _ in flat(log)]
    seen = ", ".join(f"{key:.80}" for key in keys[:_MAX_LISTED]) or "no keys"
    more = f" and {len(keys) - _MAX_LISTED} more" if len(keys) > _MAX_LISTED else ""
    known = "; ".join(f"{value}: {_readable(value)}" for value in COMPONENTS)
    return (
        f"observe_log() found no known key in the log, which has {seen}{more}. Known are {known}. "
        'Name your own with names={"nll": "my_key"}'
    )


def _readable(value: str) -> str:
    return ", ".join(name.removesuffix("!").replace(" ", "_") for name in LOG_NAMES[value])
