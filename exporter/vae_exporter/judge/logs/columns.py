"""Find values in a log by column name: the names that trainers commonly use, or those that the user maps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from vae_exporter._process.arguments import suggestion
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
"""``train/loss/`` and ``opt/`` come from Pyramid-Flow's TensorBoard logs."""
_SUFFIXES = ("", "_step", "_epoch")  # added by Lightning
_VALIDATION = ("val/", "val_", "validation/", "validation_", "test/", "test_", "eval/", "eval_")

_CACHED_LAYOUTS = 256


@dataclass(frozen=True)
class Columns:
    """Finds values by column name. *given* maps values to columns, and takes precedence over the known names."""

    given: Mapping[str, str] = field(default_factory=dict)
    _cache: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def of(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Map each value that is found to its column in *keys*. If several columns match, the first known name wins."""
        layout = tuple(keys)
        if layout not in self._cache:
            if len(self._cache) >= _CACHED_LAYOUTS:
                self._cache.clear()
            self._cache[layout] = self._find(layout)
        return self._cache[layout]

    def pick(self, row: Mapping[str, Found]) -> dict[str, Found]:
        """Return the values of *row* by their names in `TrainingExporter.observe`."""
        return {value: row[key] for value, key in self.of(row).items()}

    def named(self) -> list[str]:
        """Return the columns of the first layout, for a message."""
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
    """Return whether one of *values* is a loss."""
    return any(value in COMPONENTS for value in values)


def is_validation(key: str) -> bool:
    """Return whether the column *key* belongs to a validation."""
    return key.strip().lower().startswith(_VALIDATION)


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """Parse the values of ``--map``, such as ``nll=my_column``, into a mapping from value to column.

    Raises:
        LogError: A pair is not VALUE=COLUMN, or its value is unknown.
    """
    given = {}
    for pair in pairs:
        value, equals, column = pair.partition("=")
        if not (equals and column.strip()):
            raise LogError(f"--map must be VALUE=COLUMN, as in nll=my_column, got {pair!r}")
        if value.strip() not in _NAMES:
            raise LogError(f"--map {pair!r}: unknown value {value.strip()!r}; {suggestion(value.strip(), _NAMES)}")
        given[value.strip()] = column
    return given
