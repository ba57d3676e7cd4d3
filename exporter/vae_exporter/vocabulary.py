"""The names that the exporter, the rules, the dashboards and the report share. They are defined only here.

To add a loss component, see CONTRIBUTING.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Component:
    """A component of the loss.

    Args:
        meaning: One sentence for the dashboards on what the component measures.
        is_part_of_nll: Whether it is one of the terms whose weighted sum is the NLL.
        standard_weight: Its weight in the loss that the default bands fit, 10 * mse + 1 * LPIPS.
        failure: For a part of the NLL, a clause for alerts and dashboards on what is wrong if it grows.
        is_probed: Whether it can be measured on the fixed probe clip, without a discriminator.
    """

    meaning: str
    is_part_of_nll: bool = False
    standard_weight: float | None = None
    failure: str = ""
    is_probed: bool = True


COMPONENTS: Mapping[str, Component] = {
    "nll": Component("The negative log-likelihood, which decides the band."),
    "rec": Component(
        "The mean squared error: wrong colors and shapes.",
        is_part_of_nll=True,
        standard_weight=10,
        failure="colors and shapes are wrong",
    ),
    "perception": Component(
        "The perceptual distance: artifacts, grids, noise.",
        is_part_of_nll=True,
        standard_weight=1,
        failure="the outputs have artifacts such as grids or noise",
    ),
    "kl": Component("The distance of the latents from a unit Gaussian."),
    "total": Component("The total loss, as the trainer computes it."),
    "generator": Component("The adversarial loss of the decoder.", is_probed=False),
    "discriminator": Component("The loss of the discriminator.", is_probed=False),
}
"""The losses that `TrainingExporter.observe` accepts."""

NLL_PARTS = tuple(name for name, component in COMPONENTS.items() if component.is_part_of_nll)
"""The components whose weighted sum is the NLL."""

PROBED = tuple(name for name, component in COMPONENTS.items() if component.is_probed)
"""The losses that `TrainingExporter.observe_probe` accepts."""

GAUGES = ("epoch", "learning_rate", "gradient_norm", "logvar", "loss_scale", "discriminator_factor")
"""The other values that `TrainingExporter.observe` accepts. The last finite value of each is exported."""

SPLITS = ("train", "validation")

METRICS_VERSION = 2
"""The version of the metrics that the rules read. Raise it with a change that other versions of the rules or of the
exporter would misread: the rules then report the exporters that do not fit them."""

EndState = Literal["finished", "failed", "terminated"]
RunState = Literal["running", "paused", "finished", "failed", "terminated"]

END_STATE_LABEL = "end_state"
"""The label of ``up`` that holds how a run ended, from the target file that it left because no scrape read its end."""

END_STATES: tuple[EndState, ...] = get_args(EndState)

RUN_STATES: Mapping[RunState, int] = {"running": 0, "paused": 1, "finished": 2, "failed": 4, "terminated": 3}
"""The states of a run and their values in ``run_rank:vae_run_state:code``."""

VERDICTS: Mapping[str, int] = {"healthy": 0, "converging": 1, "watch": 2, "stop": 3}
"""The verdicts on a run and their values in ``run:vae_verdict:code``."""

NLL_BANDS: Mapping[str, tuple[str | None, str | None]] = {
    "suspicious": (None, "suspicious"),
    "low": ("suspicious", "excellent_min"),
    "excellent": ("excellent_min", "excellent_max"),
    "good": ("excellent_max", "good_max"),
    "degraded": ("good_max", "bad"),
    "bad": ("bad", None),
}
"""The NLL bands, lowest first, each with its lower and upper edge. None means that the band is open on that side."""

CONVERGING = "converging"
"""The band of a run whose NLL has not yet come down from its start. It takes precedence over `NLL_BANDS`."""

NO_BAND = "level"
"""The reason of a healthy verdict on a run that no band fits: its NLL is near its own level."""

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
"""The band edges of each signal, lowest first. The rules define their default values."""

EDGE_PREFIX = "run:vae_nll:edge_"
"""The prefix of the series that the rules record for each edge of the NLL. The edge's name follows."""
