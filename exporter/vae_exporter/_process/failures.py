"""What goes wrong inside is counted, told once, and never raised into the training loop."""

from __future__ import annotations

import logging
from collections import Counter

ERROR_REASONS = ("collect", "observe", "sample")
"""Where an unexpected exception was caught: while a scrape was answered, in a call from the training loop, or in the
thread that reads the GPUs."""

DROP_REASONS = ("backlog", "capture", "closed", "invalid")
"""Why a value was not recorded: too many copies under way; a CUDA graph was being captured; given after `close` or lost
by it; not one real number, or frames that cannot be compared."""

_MAX_TOLD = 100
"""A bound on what is remembered as told, should a user's program make up ever new names. The rest is only counted."""

_logger = logging.getLogger("vae_exporter")


class Failures:
    """Counts by reason, and one log line for each different failure (by *what*), however often it comes."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter(dict.fromkeys(ERROR_REASONS, 0))
        self.dropped: Counter[str] = Counter(dict.fromkeys(DROP_REASONS, 0))
        self._told: set[tuple[str, str]] = set()

    def caught(self, reason: str, what: str, error: BaseException) -> None:
        """Count *error*, which *what* (a noun, such as ``"observe"``) raised."""
        self.errors[reason] += 1
        if self._first((reason, what)):
            _logger.warning(
                "%s failed and training goes on; it is counted in vae_exporter_errors_total and not told again",
                what,
                exc_info=error,
            )

    def drop(self, reason: str, what: str, message: str, *, count: int = 1) -> None:
        """Count *count* values of *what* that were not recorded; *message* names them, why, and what to do."""
        self.dropped[reason] += count
        if self._first((reason, what)):
            _logger.warning("%s (counted in vae_exporter_dropped_observations_total, not told again)", message)

    def tell(self, what: str, message: str) -> None:
        """Log *message* once, about *what*: nothing was lost, but the user should know."""
        if self._first(("", what)):
            _logger.warning("%s (not told again)", message)

    def _first(self, key: tuple[str, str]) -> bool:
        if key in self._told or len(self._told) >= _MAX_TOLD:
            return False
        self._told.add(key)
        return True
