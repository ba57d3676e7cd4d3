"""Every threshold of the rules, with its value and its reason.

PromQL, templates and descriptions refer to a constant as ``$name`` and to an edge as ``$signal_edge``. docs/judging.md
lists them in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

EDGES: dict[str, dict[str, float]] = {
    "nll": {
        "suspicious": 0.05,
        "excellent_min": 0.12,
        "golden_min": 0.14,
        "golden_max": 0.16,
        "excellent_max": 0.18,
        "good_max": 0.25,
        "bad": 0.30,
        "reduce_learning_rate": 0.40,
    },
    "rec": {"min": 0.005, "max": 0.03},
    "perception": {"max": 0.15},
    "sharpness": {"min": 0.6},
}
"""The default edges of the quality bands by signal, for a loss of 10 * mse + 1 * LPIPS as means over pixels."""


@dataclass(frozen=True)
class Constant:
    """A threshold of the rules. *value* is a PromQL literal."""

    name: str
    value: str
    reason: str


CONSTANTS = (
    # The course of the NLL
    Constant("multiplied", "1.5", "The 100-step mean of a healthy run varies by 10 to 20 % around its level."),
    Constant("falling", "0.98", "A run that falls by 2 % within 100 steps is recovering; less is noise."),
    Constant("drifted", "1.3", "Growth over 300 steps that shows a slow divergence without a jump."),
    Constant("young", "200", "Steps during which a run without a best mean has no baseline."),
    Constant("doubled", "2", "A spike: both of the last two 10-step means are at twice the level before."),
    Constant("suspect_start", "500", "Steps for which a low start is reported."),
    Constant("never_good", "2000", "Steps within which a healthy run reaches the good band."),
    Constant("unjudged", "200", "Steps after which the first 100-step mean is overdue."),
    Constant("nonfinite", "100", "Steps for which a NaN keeps paging: as long as it is part of a 100-step mean."),
    # Causes
    Constant("calm", "1.2", "Times the best below which the NLL, or the probe, has not risen."),
    Constant("risen", "1.1", "Times the mean of the 300 steps before from which a rise gets a cause."),
    Constant("probe_age", "100", "Steps after which a probe is too old to describe the model."),
    Constant("discriminator", "500", "Steps after its start during which it is named as a possible cause."),
    # Checks
    Constant("sum_tolerance", "0.05", "Share of the NLL by which the sum of its weighted parts may be off."),
    Constant("reconstruction_age", "2000", "Steps after which a comparison of reconstructions is outdated."),
    Constant("flat", "0.2", "Contrast ratio below which the outputs are a black or gray screen."),
    Constant("sharp_contrast", "0.8", "Contrast ratio above which the outputs are certainly not a blank screen."),
    Constant("kl_collapse", "0.01", "Share of the first KL below which the latents carry almost no information."),
    Constant("kl_explosion", "10", "Times the KL of 300 steps before."),
    Constant("kl_crush_total", "0.9", "Share of the total 300 steps before: it falls while the NLL rises."),
    Constant("kl_crush_share", "0.5", "Share of the total above which the weighted KL dominates it."),
    # Life
    Constant("usual_steps", "10", "Usual step times without a step after which a rank is stalled."),
    Constant("stall_min", "600", "Seconds that any step may take, for an evaluation or a checkpoint."),
    Constant("first_step", "1800", "Seconds that the first step may take, for compilation and cold caches."),
    Constant("straggler", "1.5", "Times the median step time of the run's ranks."),
    Constant("remembered", "86400", "Seconds for which the end of a run is kept, so you see it the next morning."),
    # The monitoring
    Constant("fresh", "90", "Seconds without a stored scrape: longer than a scrape interval of one minute."),
    # GPUs
    Constant("gpu_full", "0.95", "Share of the GPU's memory. The rest is less than one larger clip needs."),
    Constant("gpu_horizon", "14400", "Seconds by which memory growth is extrapolated, to leave time to act."),
    Constant("gpu_pieces", "1.25", "Ratio of peak reserved to peak allocated memory that shows fragmentation."),
    Constant("gpu_suspect", "600", "Seconds between a GPU error and a loss that goes wrong."),
    Constant("gpu_stale", "180", "Seconds, longer than two minutes plus the longest sampling interval."),
    Constant("gpu_throttled", "0.5", "Share of the last 10 minutes. Briefly touching a limit is normal."),
    Constant("gpu_memory_hot", "95", "Degrees Celsius from which HBM2e throttles."),
    Constant("gpu_retry_age", "1800", "Seconds for which a failed allocation that was caught stays a ticket."),
)

_VALUES = {constant.name: constant.value for constant in CONSTANTS} | {
    f"{signal}_{edge}": f"{value:g}" for signal, edges in EDGES.items() for edge, value in edges.items()
}


def with_numbers(text: str) -> str:
    """Return *text* with each ``$name`` replaced by its constant; other names belong to Prometheus."""
    return Template(text).safe_substitute(_VALUES)
