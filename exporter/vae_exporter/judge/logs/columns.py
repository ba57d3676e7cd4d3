"""Find values in a log by column name: the names that trainers commonly use, or those that the user maps."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from vae_exporter._process.arguments import suggestion
from vae_exporter.errors import LogError
from vae_exporter.judge.logs.rows import number, shown
from vae_exporter.log_names import LOG_NAMES, find_values, meaning
from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vae_exporter.log_names import Meaning

    Found = TypeVar("Found")

_CACHED_LAYOUTS = 256

_MAX_NUMERIC = 200
"""The most columns with numbers that are remembered for a message."""


_MEAN_ENDINGS = ("_mean", "_avg", "_global_avg", "/mean", "/avg", " mean", " avg")


@dataclass(frozen=True)
class Columns:
    """Finds values by column name. *given* maps values to columns, and takes precedence over the known names."""

    given: Mapping[str, str] = field(default_factory=dict)
    numeric: dict[str, None] = field(default_factory=dict, repr=False, compare=False)
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
        """Return the values of *row* by their names in `TrainingExporter.observe`, and note which are numbers."""
        if len(self.numeric) < _MAX_NUMERIC:
            self.note(key for key, value in row.items() if key not in self.numeric and _is_number(value))
        return {value: row[key] for value, key in self.of(row).items()}

    def pick_validation(self, row: Mapping[str, object]) -> dict[str, float]:
        """Return the finite validation losses of *row* by their names."""
        found = find_values((key for key in row if key not in self.given.values()), "validation")
        figures = {value: number(str(row[key])) for value, key in found.items() if value in COMPONENTS}
        return {value: figure for value, figure in figures.items() if figure is not None and math.isfinite(figure)}

    def pick_means(self, row: Mapping[str, Found]) -> dict[str, Found]:
        """Return the means that stand beside the losses of *row*: ``nll_loss_mean`` beside ``nll_loss``."""
        by_name = {key.strip().lower(): value for key, value in row.items()}
        beside = {
            value: next((name for ending in _MEAN_ENDINGS if (name := key.strip().lower() + ending) in by_name), None)
            for value, key in self.of(row).items()
            if value in COMPONENTS
        }
        return {value: by_name[name] for value, name in beside.items() if name is not None}

    def note(self, keys: Iterable[str]) -> None:
        """Remember that the columns *keys* have numbers."""
        self.numeric.update(dict.fromkeys(key for key in keys if key.strip()))

    def _find(self, layout: tuple[str, ...]) -> dict[str, str]:
        by_name = {key.strip().lower(): key for key in reversed(layout)}
        wanted = {value: column.strip().lower() for value, column in self.given.items()}
        given = {value: by_name[column] for value, column in wanted.items() if column in by_name}
        known = find_values(key for key in layout if key not in given.values())
        return {**{value: key for value, key in known.items() if value not in self.given}, **given}


def has_losses(values: Iterable[str]) -> bool:
    """Return whether one of *values* is a loss."""
    return any(value in COMPONENTS for value in values)


def mapping_hint(columns: Columns) -> str:
    """Return the sentences that list the numeric *columns* and the options with which the log can be judged."""
    names = list(columns.numeric)
    if not names:
        return "If the NLL is in a column of another name, pass --map nll=COLUMN"
    listed = ", ".join(shown(repr(name)) for name in names)
    candidate = _likeliest(names)
    lines = [f"It has numbers in the columns {listed}"]
    if candidate is not None:
        lines.append(f"If one of them is the NLL, try --map {shlex.quote(f'nll={candidate}')}")
    parts = [part for part in NLL_PARTS if part in columns.of(names)]
    if parts:
        weights = ",".join(f"{part}={COMPONENTS[part].standard_weight:g}" for part in parts)
        lines.append(f"If the NLL is the weighted sum of its parts, try --weights {weights}")
    return "\n".join(lines)


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
        if value.strip() not in LOG_NAMES:
            raise LogError(f"--map {pair!r}: unknown value {value.strip()!r}; {suggestion(value.strip(), LOG_NAMES)}")
        given[value.strip()] = column
    return given


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int | float) or (isinstance(value, str) and number(value) is not None)
    )


def _likeliest(names: list[str]) -> str | None:
    """Return the column that is most likely the NLL, or None if all are known as something else."""

    def likelihood(name: str) -> tuple[bool, bool, bool]:
        words = name.lower()
        return "nll" in words, meaning(name) is not None, "loss" in words

    unknown_or_total = (name for name in names if (known := meaning(name)) is None or _may_be_nll(known))
    return max(unknown_or_total, key=likelihood, default=None)


def _may_be_nll(known: Meaning) -> bool:
    return known.value in ("nll", "total") and known.split == "train"
