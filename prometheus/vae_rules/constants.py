"""Every threshold of the rules, with its value and its reason.

PromQL, templates and descriptions refer to a constant as ``$name`` and to an edge as ``$signal_edge``. docs/judging.md
lists them in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from vae_exporter.vocabulary import METRICS_VERSION

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
    # Evidence
    Constant("errors", "3", "Standard errors below the mean. With fewer, correlated noise looks like a rise."),
    Constant("needed_values", "10", "Values in a long window below which their scatter is unknown."),
    Constant("sparse_window", "10000", "Steps of a long window from which a page comes thousands of steps late."),
    # The course of the NLL
    Constant(
        "multiplied", "1.5", "The mean over a long window of a healthy run varies by 10 to 20 % around its level."
    ),
    Constant("doubled", "2", "Times the level: worth a look at any scale of the loss."),
    Constant("quadrupled", "4", "Times the level. None of the recorded healthy runs comes near it."),
    Constant("falling", "0.98", "A run that falls by 2 % within a long window is recovering; less is noise."),
    Constant("drifted", "1.3", "Growth over three long windows that shows a slow divergence without a jump."),
    Constant("suspect_start", "500", "Steps for which a low start is reported."),
    Constant("never_good", "2000", "Steps within which a healthy run on the default scale reaches the good band."),
    Constant(
        "off_scale", "5", "An untrained model on the default scale is below it, so a higher level is another scale."
    ),
    Constant("unjudged", "200", "Steps after which the first mean over 100 steps is overdue."),
    Constant("nonfinite", "100", "Steps for which a NaN keeps paging."),
    Constant("rank_multiplied", "3", "Times the median of the ranks. Their data differ, but not by that much."),
    # Causes
    Constant("calm", "1.2", "Times its lowest NLL below which the probe has not risen."),
    Constant(
        "explained",
        "1.5",
        "Times the growth of the run before up to which it explains a rise. Two runs differ by less on the same data.",
    ),
    Constant("risen", "1.1", "Times its level from which a rise gets a cause."),
    Constant(
        "probe_share",
        "0.67",
        "Share of the present NLL that the training had reached when a probe was taken that may explain it.",
    ),
    Constant(
        "change_age", "1500", "Steps between a change and a rise that it may cause. Recorded runs needed as many."
    ),
    # Checks
    Constant(
        "averaged_perception", "0.1", "Perception that is high in itself: a sharp run may also have a very low rec."
    ),
    Constant("sum_tolerance", "0.05", "Share of the NLL by which the sum of its weighted parts may be off."),
    Constant("reconstruction_age", "2000", "Steps after which a comparison of reconstructions is outdated."),
    Constant("flat", "0.2", "Contrast ratio below which the outputs are a black or gray screen."),
    Constant("sharp_contrast", "0.8", "Contrast ratio above which the outputs are certainly not a blank screen."),
    Constant("kl_collapse", "0.01", "Share of the first KL below which the latents carry almost no information."),
    Constant("kl_explosion", "10", "Times the KL of three long windows before."),
    Constant(
        "kl_orders",
        "1e4",
        "Times the first KL at which it explodes even while the run converges, if it dominates the total.",
    ),
    Constant("kl_crush_total", "0.9", "Share of the total of a long window before: it falls while the NLL rises."),
    Constant("kl_crush_share", "0.5", "Share of the total above which the weighted KL dominates it."),
    Constant("overfit", "1.3", "Times the gap of the best validation. Sampling and a mild overfit stay below it."),
    # Life
    Constant("usual_steps", "10", "Usual step times without a step after which a rank is stalled."),
    Constant("stall_min", "600", "Seconds that any step may take, for an evaluation or a checkpoint."),
    Constant("first_step", "1800", "Seconds that the first step may take, for compilation and cold caches."),
    Constant("straggler", "1.5", "Times the median step time of the run's ranks."),
    Constant("remembered", "86400", "Seconds for which the end of a run is kept, so you see it the next morning."),
    Constant("pod_delay", "60", "Seconds that the clocks of a node and of Prometheus may differ."),
    # The monitoring
    Constant("metrics_version", str(METRICS_VERSION), "Version of the metrics that these rules read."),
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
