"""The names that the exporter, the rules, the dashboards and the report share: each is defined here and nowhere else.

To add a loss, add its line to `COMPONENTS` and its keyword to `TrainingExporter.observe`, and describe it in
docs/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Component:
    """A component of the loss.

    Args:
        meaning: what it measures, in a sentence for a dashboard.
        is_part_of_nll: whether it is one of the terms whose weighted sum is the NLL.
        standard_weight: its weight in the loss that the default bands fit: 10 * mse + 1 * LPIPS.
        is_probed: whether it can be measured on one fixed clip, without a discriminator.
    """

    meaning: str
    is_part_of_nll: bool = False
    standard_weight: float | None = None
    is_probed: bool = True


COMPONENTS: Mapping[str, Component] = {
    "nll": Component("The negative log-likelihood, which the bands judge."),
    "rec": Component("The mean squared error: colours and shapes.", is_part_of_nll=True, standard_weight=10),
    "perception": Component("The perceptual distance: artifacts, grids, noise.", is_part_of_nll=True, standard_weight=1),
    "kl": Component("The distance of the latents from a unit Gaussian."),
    "total": Component("All parts together, as the trainer adds them."),
    "generator": Component("The adversarial loss of the decoder.", is_probed=False),
    "discriminator": Component("The loss of the discriminator.", is_probed=False),
}
"""The losses that `TrainingExporter.observe` accepts, by name."""

NLL_PARTS = tuple(name for name, component in COMPONENTS.items() if component.is_part_of_nll)
"""The components whose weighted sum is the NLL."""

PROBED = tuple(name for name, component in COMPONENTS.items() if component.is_probed)
"""The losses that `TrainingExporter.observe_probe` accepts."""

GAUGES = ("epoch", "learning_rate", "gradient_norm", "logvar", "loss_scale", "discriminator_factor")
"""The other values that `TrainingExporter.observe` accepts. The last finite value of each is exported."""

SPLITS = ("train", "validation")

EndState = Literal["finished", "failed", "terminated"]
RunState = Literal["running", "paused", "finished", "failed", "terminated"]

RUN_STATES: Mapping[RunState, int] = {"running": 0, "paused": 1, "finished": 2, "failed": 4, "terminated": 3}
"""The states of a run, each with its value in ``run_rank:vae_run_state:code``."""

VERDICTS: Mapping[str, int] = {"healthy": 0, "converging": 1, "watch": 2, "stop": 3}
"""The verdicts on a run, each with its value in ``run:vae_verdict:code``."""

NLL_BANDS: Mapping[str, tuple[str | None, str | None]] = {
    "suspicious": (None, "suspicious"),
    "low": ("suspicious", "excellent_min"),
    "excellent": ("excellent_min", "excellent_max"),
    "good": ("excellent_max", "good_max"),
    "degraded": ("good_max", "bad"),
    "bad": ("bad", None),
}
"""The bands of the NLL, lowest first, each with the edges below and above it. None: the band has no limit there."""

CONVERGING = "converging"
"""The band of a run whose NLL is high and still falls, as at the start of a training. It takes precedence."""

BAND_EDGES: Mapping[str, tuple[str, ...]] = {
    "nll": (
        "suspicious",
        "excellent_min",
        "golden_min",
        "golden_max",
        "excellent_max",
        "good_max",
        "bad",
        "reduce_learning_rate",
    ),
    "rec": ("min", "max"),
    "perception": ("max",),
    "sharpness": ("min",),
}
"""The edges of each signal, lowest first. Their default values are in the rules."""

EDGE_PREFIX = "run:vae_nll:edge_"
"""The series that the rules record for an edge of the NLL, up to the name of the edge."""
