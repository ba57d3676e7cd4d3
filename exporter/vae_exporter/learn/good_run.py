"""What is known of the run to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vae_exporter.errors import VaeExporterError

if TYPE_CHECKING:
    from vae_exporter._record.baseline import Baseline
    from vae_exporter.stack.curve import Curve


class LearnError(VaeExporterError):
    """Nothing can be learned from this run. The message says why, and from which run to learn instead."""


MULTIPLIED = 1.5
"""At this multiple of its level, the rules call an NLL multiplied."""


@dataclass(frozen=True)
class GoodRun:
    """What the rules have recorded about a run.

    Args:
        name: The name of the run.
        source: Where the values come from: the path of a log, or the URL of Prometheus.
        held: The lowest level that the NLL held, as the run reported it; None if it held none.
        mean: The mean NLL over its last long window; None if that is not known.
        window_steps: The length of a long window, in steps.
        short_means: The means of the NLL over short windows.
        course: What later runs compare themselves with; None if it is not known.
    """

    name: str
    source: str
    held: float | None
    mean: float | None
    window_steps: float
    short_means: Curve
    course: Baseline | None = None

    @property
    def ended_above_level(self) -> bool:
        """Whether the NLL ended far above the level that the run held."""
        return self.mean is not None and self.held is not None and self.mean >= MULTIPLIED * self.held
