"""Failures inside the exporter: counted, logged once, and never raised into the training loop."""

from __future__ import annotations

import logging
from collections import Counter

ERROR_REASONS = ("collect", "observe", "sample")
"""Where an unexpected exception was caught: during a scrape, in a call from the training loop, or in the thread that
reads the GPUs."""

DROP_REASONS = ("backlog", "capture", "closed", "invalid")
"""Why a value was dropped: too many pending copies; a CUDA graph capture; observed after `close`, or still pending when
the run ended; or not a single real number, or frames that cannot be compared."""

_MAX_TOLD = 100
"""The most failures that are logged. It bounds memory if a program keeps inventing names; the rest is only counted."""

_logger = logging.getLogger("vae_exporter")


class Failures:
    """Counts failures by reason, and logs each kind of failure (*what*) once."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter(dict.fromkeys(ERROR_REASONS, 0))
        self.dropped: Counter[str] = Counter(dict.fromkeys(DROP_REASONS, 0))
        self._told: set[tuple[str, str]] = set()

    def caught(self, reason: str, what: str, error: BaseException) -> None:
        """Count *error*, which was caught in *what* (a noun, such as ``"observe()"``)."""
        self.errors[reason] += 1
        if self._first((reason, what)):
            _logger.warning(
                "%s failed; training continues. Further failures are counted in vae_exporter_errors_total, not logged.",
                what,
                exc_info=error,
            )

    def drop(self, reason: str, what: str, message: str, *, count: int = 1) -> None:
        """Count *count* dropped values of *what*. *message* states which values, why, and what to do."""
        self.dropped[reason] += count
        if self._first((reason, what)):
            _logger.warning(
                "%s. The value is dropped. Further ones are counted in vae_exporter_dropped_observations_total, not "
                "logged.",
                message,
            )

    def tell(self, what: str, message: str) -> None:
        """Log *message* about *what* once. Use it where no value is lost."""
        if self._first(("", what)):
            _logger.warning("%s. This is logged once.", message)

    def _first(self, key: tuple[str, str]) -> bool:
        if key in self._told or len(self._told) >= _MAX_TOLD:
            return False
        self._told.add(key)
        return True
