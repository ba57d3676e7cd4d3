"""When what shapes the loss last changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_exporter._record.facts import ChangeFacts

if TYPE_CHECKING:
    from collections.abc import Mapping


class Changes:
    """Follows the gauges of the training steps."""

    def __init__(self) -> None:
        self._had_no_discriminator = False
        self._discriminator_start: int | None = None

    def record(self, step: int, gauges: Mapping[str, float]) -> None:
        """Record the finite values of *gauges* at *step*. A step below the newest one is trained again."""
        factor = gauges.get("discriminator_factor")
        if factor == 0:
            self._had_no_discriminator = True
            self._discriminator_start = None
        elif factor is not None and self._had_no_discriminator and self._discriminator_start is None:
            self._discriminator_start = step

    def facts(self) -> ChangeFacts:
        """Return what is known of the changes."""
        return ChangeFacts(discriminator_start=self._discriminator_start)
