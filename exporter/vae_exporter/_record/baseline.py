"""The run before: reads its course from a file, and follows what it had at the positions of this run."""

from __future__ import annotations

import json
import numbers
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from vae_exporter._process.arguments import finite, mapping
from vae_exporter._record.course import POSITIONS, Course, Place
from vae_exporter._record.facts import BaselineFacts
from vae_exporter._record.series import KEPT_VALUES, StepSeries
from vae_exporter._record.window_length import SHORT_WINDOWS
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_FIELD = "baseline"
"""The field of a file that holds a baseline."""

_ADVICE = "write the file with `vae-exporter baseline`, or with history_dir="


@dataclass(frozen=True)
class Baseline:
    """What an earlier run had at each position.

    Args:
        course: Its NLL and level.
        end_growth: Its NLL at its end, relative to its level. A run that ended far above its level had diverged.
    """

    course: Course
    end_growth: float

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, which `read_baseline` reads."""
        return {"end_growth": self.end_growth, **self.course.as_dict()}


def read_baseline(given: object) -> Baseline:
    """Return the baseline in the file that *given* names.

    Raises:
        SettingsError: If the file cannot be read, or is not such a file. The message names the file.
    """
    if not isinstance(given, str | os.PathLike):
        raise SettingsError(f"baseline must be the path of a file, got {given!r:.80}; {_ADVICE}")
    path = Path(given)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read the baseline {path}: {error.strerror or error}; {_ADVICE}") from None
    except ValueError as error:
        raise SettingsError(f"the baseline {path} is not JSON: {error}; {_ADVICE}") from None
    if not isinstance(content, dict) or content.get(FILE_FIELD) is None:
        raise SettingsError(f"{path} has no field {FILE_FIELD!r}: {_ADVICE}")
    try:
        return _baseline(mapping(FILE_FIELD, content[FILE_FIELD]))
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}; {_ADVICE}") from None


def _baseline(given: Mapping[Any, Any]) -> Baseline:
    if given.get("by") not in POSITIONS:
        raise SettingsError(f"by must be {' or '.join(POSITIONS)}, got {given.get('by')!r:.80}")
    width = given.get("width")
    if not isinstance(width, int) or width < 1:
        raise SettingsError(f"width must be a whole number above 0, got {width!r:.80}")
    columns = [given.get(name) for name in ("positions", "means", "levels")]
    lengths = {len(column) if isinstance(column, list) else None for column in columns}
    if len(lengths) != 1 or lengths <= {0, None}:
        raise SettingsError("positions, means and levels must be lists of the same length, which is not 0")
    course = Course(str(given["by"]), width)
    for position, mean, level in zip(*columns, strict=True):
        if not isinstance(position, numbers.Integral):
            raise SettingsError(f"positions must be whole numbers, got {position!r:.80}")
        course.put(int(position), Place(_positive("means", mean), _positive("levels", level)))
    return Baseline(course, _positive("end_growth", given.get("end_growth")))


def _positive(name: str, value: object) -> float:
    number = finite(name, value)
    if number <= 0:
        raise SettingsError(f"{name} must be above 0, because the rules compare ratios, got {number}")
    return number


def median_of_short_means(series: StepSeries, newest: int, long: int) -> float | None:
    """Return the median of the means over the short windows in the long one that ends at *newest*.

    None if fewer than half of them are known.

    Other than their mean, it hides a single outlier: of two runs on the same data, one may have it and the other not.
    """
    short = long // SHORT_WINDOWS
    means = [series.mean(first, first + short - 1) for first in range(newest - long + 1, newest + 1, short)]
    known = [mean for mean in means if mean is not None]
    return median(known) if len(known) >= SHORT_WINDOWS / 2 else None


class BaselineSeries:
    """What the run before had at the positions of the recent steps, by step of this run."""

    def __init__(self, baseline: Baseline, kept: int = KEPT_VALUES) -> None:
        self._baseline = baseline
        self._means = StepSeries(kept)
        self._levels = StepSeries(kept)

    def observe(self, step: int, data_position: int | None) -> None:
        """Look up what the run before had at the position of *step*."""
        place = self._baseline.course.at(step, data_position)
        self._means.append(step, None if place is None else place.mean)
        self._levels.append(step, None if place is None else place.level)

    def drop_from(self, step: int) -> None:
        """Forget the steps from *step* on, which are about to be trained again."""
        self._means.drop_from(step)
        self._levels.drop_from(step)

    def clear(self) -> None:
        """Forget everything."""
        self._means.clear()
        self._levels.clear()

    def facts(self, long: int | None) -> BaselineFacts | None:
        """Return what it had over the newest long window of *long* steps; None if the window is not whole."""
        newest = self._means.newest
        if long is None or newest is None:
            return None
        mean, level = (series.mean(newest - long + 1, newest) for series in (self._means, self._levels))
        typical = median_of_short_means(self._means, newest, long)
        if mean is None or level is None or typical is None:
            return None
        return BaselineFacts(mean, typical / level, self._baseline.end_growth)
