"""Checks that several settings share."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return a hint for an unknown *name*: the closest of *known* names, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"


def mapping(name: str, value: object) -> Mapping[Any, Any]:
    """Return *value* if it is a dictionary; an empty one for None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise SettingsError(f"{name} must be a dictionary, got {value!r}")
    return value


def finite(name: str, value: object) -> float:
    """Return *value* if it is a finite number."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number that is too large for a float
            number = float(value)
            if math.isfinite(number):
                return number
    raise SettingsError(f"{name} must be a finite number, got {value!r:.80}")
