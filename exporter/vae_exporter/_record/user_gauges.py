"""Keeps what a trainer reports besides the values of `observe`: named gauges, which are published and never judged."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter._process.failures import Failures

MOST_GAUGES = 64
"""The most names in a run. Each is a series that Prometheus keeps."""

_NAME = re.compile(r"[A-Za-z_][\w./-]{0,63}", re.ASCII)


class UserGauges:
    """The last finite value of each gauge.

    Args:
        failures: Counts and logs the values that are dropped.
    """

    def __init__(self, failures: Failures) -> None:
        self._failures = failures
        self._names: set[str] = set()
        self._values: dict[str, float] = {}

    def accepts(self, name: object) -> bool:
        """Return whether *name* is valid, and known or one of the first `MOST_GAUGES`. Otherwise count it."""
        if name in self._names:
            return True
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            message = (
                "the name of a gauge must be at most 64 letters, digits and _ . / -, and start with a letter or _, "
                f"got {name!r}"
            )
        elif len(self._names) >= MOST_GAUGES:
            message = f"a run has at most {MOST_GAUGES} gauges, so {name!r} is not exported"
        else:
            self._names.add(name)
            return True
        self._failures.drop("invalid", "gauge", message)
        return False

    def record(self, _step: int, values: Mapping[str, float]) -> None:
        """Keep the finite ones of *values*."""
        self._values.update({name: value for name, value in values.items() if math.isfinite(value)})

    def facts(self) -> dict[str, float]:
        """Return the last finite value of each gauge."""
        return dict(self._values)
