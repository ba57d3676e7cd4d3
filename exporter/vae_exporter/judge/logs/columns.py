"""Which column of a log holds which value: the names that trainers use, or those that the user gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from vae_exporter._process.settings import suggestion
from vae_exporter._record.log_names import LOG_NAMES
from vae_exporter.errors import LogError
from vae_exporter.vocabulary import COMPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Found = TypeVar("Found")

STEP = "step"
TIME = "time"

_NAMES: dict[str, tuple[str, ...]] = {
    **LOG_NAMES,
    STEP: ("step", "global_step", "trainer/global_step", "_step", "iteration", "iter", "global_iter", "n_iter"),
    TIME: ("timestamp", "wall_time", "_timestamp", "time", "created_at", "date"),
}

_PREFIXES = ("train/", "train_", "training/", "loss/", "", "train/loss/", "opt/", "metrics/train/", "metrics/")
"""``train/loss/`` and ``opt/`` are those of Pyramid-Flow's TensorBoard."""
_SUFFIXES = ("", "_step", "_epoch")  # as Lightning adds them
_VALIDATION = ("val/", "val_", "validation/", "validation_", "test/", "test_", "eval/", "eval_")

_CACHED_LAYOUTS = 256


@dataclass(frozen=True)
class Columns:
    """Finds values by the names of a row's columns. *given* is what the user maps, value to column."""

    given: Mapping[str, str] = field(default_factory=dict)
    _cache: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def of(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Return, for each known value among *keys*, the key that holds it. Where several may, the first name wins."""
        layout = tuple(keys)
        if layout not in self._cache:
            if len(self._cache) >= _CACHED_LAYOUTS:
                self._cache.clear()
            self._cache[layout] = self._find(layout)
        return self._cache[layout]

    def pick(self, row: Mapping[str, Found]) -> dict[str, Found]:
        """Return the known values of *row*."""
        return {value: row[key] for value, key in self.of(row).items()}

    def named(self) -> list[str]:
        """Return the names of the columns seen first, for a message."""
        return [key for key in next(iter(self._cache), ()) if key.strip()]

    def _find(self, layout: tuple[str, ...]) -> dict[str, str]:
        by_name = {key.strip().lower(): key for key in reversed(layout)}
        found = {}
        for value, names in _NAMES.items():
            candidates: Iterable[str] = (
                f"{prefix}{name}{suffix}" for suffix in _SUFFIXES for name in names for prefix in _PREFIXES
            )
            if value in self.given:
                candidates = (self.given[value].strip().lower(),)
            key = next((by_name[name] for name in candidates if name in by_name), None)
            if key is not None:
                found[value] = key
        return found


def has_losses(values: Iterable[str]) -> bool:
    """Return whether a loss is among these names of values."""
    return any(value in COMPONENTS for value in values)


def is_validation(key: str) -> bool:
    """Return whether the column *key* is about an evaluation."""
    return key.strip().lower().startswith(_VALIDATION)


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """Return what ``--map nll=my_column`` says, value to column.

    Raises:
        LogError: it is not VALUE=COLUMN, or the value is not known.
    """
    given = {}
    for pair in pairs:
        value, equals, column = pair.partition("=")
        if not (equals and column.strip()):
            raise LogError(f"--map {pair!r}: give VALUE=COLUMN, for example nll=my_column")
        if value.strip() not in _NAMES:
            raise LogError(f"--map {pair!r}: there is no value {value.strip()!r}: {suggestion(value.strip(), _NAMES)}")
        given[value.strip()] = column
    return given
