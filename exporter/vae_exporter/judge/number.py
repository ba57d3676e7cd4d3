"""Print numbers with the three significant digits of the alerts' texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS, _MOST_DIGITS = 3, 6

_MOST_WHOLE = 1e6
"""Whole numbers below this, such as steps, are printed in full."""


def figure(value: float, digits: int = _DIGITS) -> str:
    """Return *value* as a person reads it at any scale, such as 0.162, 0.0016, 12000 or 1e+308."""
    is_whole = abs(value) < _MOST_WHOLE and value == int(value)
    return f"{value:.0f}" if is_whole else f"{value:.{digits}g}"


def figures(values: Sequence[float]) -> list[str]:
    """Return *values* to compare: with as many digits as tell those apart that differ, at most six."""
    for digits in range(_DIGITS, _MOST_DIGITS):
        found = [figure(value, digits) for value in values]
        if len(set(found)) == len(set(values)):
            return found
    return [figure(value, _MOST_DIGITS) for value in values]
