"""Failures inside the exporter: counted, logged once, and never raised into the training loop."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from vae_exporter._process.arguments import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

ERROR_REASONS = ("collect", "observe", "push", "sample")
"""Where an unexpected exception was caught: during a scrape, in a call from the training loop, in a push by OTLP, or in
the thread that reads the GPUs."""

DROP_REASONS = ("backlog", "capture", "closed", "invalid")
"""Why a value was dropped: too many pending copies; a CUDA graph capture; observed after `close`, or still pending when
the run ended; or not a single real number, or frames that cannot be compared."""

_MAX_TOLD = 100
"""The most failures that are logged for each reason, and for unknown names. It bounds memory if a program keeps
inventing names; the rest is only counted."""

_logger = logging.getLogger("vae_exporter")


class Failures:
    """Counts failures by reason, and logs each kind of failure (*what*) once."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter(dict.fromkeys(ERROR_REASONS, 0))
        self.dropped: Counter[str] = Counter(dict.fromkeys(DROP_REASONS, 0))
        self._told: defaultdict[str, set[str]] = defaultdict(set)

    def caught(self, reason: str, what: str, error: BaseException) -> None:
        """Count *error*, which was caught in *what* (a noun, such as ``"observe()"``)."""
        self.errors[reason] += 1
        if self._first(reason, what):
            _logger.warning(
                "%s failed; training continues. Further failures are counted in vae_exporter_errors_total, not logged.",
                what,
                exc_info=error,
            )

    def drop(self, reason: str, what: str, message: str, *, count: int = 1) -> None:
        """Count *count* dropped values of *what*. *message* states which values, why, and what to do."""
        self.dropped[reason] += count
        if self._first(reason, what):
            _dropped(message)

    def unknown(self, method: str, name: str, known: Sequence[str]) -> None:
        """Count the value of *name*, an argument that *method* does not have. It has those in *known*."""
        self.dropped["invalid"] += 1
        if self._first("unknown", name):
            _dropped(f"{method}() has no argument {name!r}: {suggestion(name, known)}")

    def tell(self, what: str, message: str) -> None:
        """Log *message* about *what* once. Use it where no value is lost."""
        if self._first("told", what):
            _logger.warning("%s. This is logged once.", message)

    def _first(self, budget: str, what: str) -> bool:
        told = self._told[budget]
        if what in told or len(told) >= _MAX_TOLD:
            return False
        told.add(what)
        return True


def _dropped(message: str) -> None:
    _logger.warning(
        "%s. The value is dropped. Further ones are counted in vae_exporter_dropped_observations_total, not logged.",
        message,
    )
