"""Every number that decides something: its value and the reason for it, in this one place.

PromQL, templates and the documentation name a constant as ``$name`` and an edge as ``$signal_edge``. docs/judging.md
has them as a table.
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
"""The default edges of the quality bands, by signal. They fit 10 * mse + 1 * LPIPS, as means over pixels."""


@dataclass(frozen=True)
class Constant:
    """A number of the rules. *value* is written as PromQL reads it."""

    name: str
    value: str
    reason: str


CONSTANTS = (
    # Evidence
    Constant("errors", "3", "Standard errors below the mean: with less, correlated noise looks like a rise."),
    Constant("needed_values", "10", "Values in a long window. The scatter of fewer says little."),
    Constant("sparse_window", "10000", "Steps of a long window from which on a page comes days late."),
    # The course of the NLL
    Constant("multiplied", "1.5", "A mean over 100 steps of a healthy run varies by 10 to 20 % around its level."),
    Constant("doubled", "2", "Times the level: worth a look at any scale of the loss."),
    Constant("quadrupled", "4", "Times the level: no healthy run of those recorded comes near it, at any scale."),
    Constant("falling", "0.98", "A run that falls by 2 % within a long window recovers; less than that is noise."),
    Constant("drifted", "1.3", "The growth over three long windows of a slow divergence that never jumps."),
    Constant("suspect_start", "500", "Steps for which a low start is worth a look."),
    Constant("never_good", "2000", "Steps within which a healthy run on the default scale has reached the good band."),
    Constant("off_scale", "5", "An untrained model on the default scale is below it: a level above is another scale."),
    Constant("unjudged", "200", "Steps after which a mean over 100 of them is due."),
    Constant("nonfinite", "100", "Steps for which a NaN stays a page: as long as it is in a mean."),
    Constant("rank_multiplied", "3", "Times the median of the ranks: their data differ, but not by that much."),
    # Causes
    Constant("calm", "1.2", "Times its lowest up to which the probe counts as not risen."),
    Constant("risen", "1.1", "Growth over the level that is worth a cause."),
    Constant("probe_age", "100", "Steps after which a probe is too old to say anything about the present."),
    Constant("probe_share", "0.67", "Of the present NLL: a probe that was taken earlier in a rise does not speak for it."),
    Constant("change_age", "1500", "Steps from a change to the rise that it may cause: recorded runs needed as many."),
    # Checks
    Constant("averaged_perception", "0.1", "Perception that is high in itself: a sharp run may have a low rec."),
    Constant("sum_tolerance", "0.05", "The share of the NLL that its weighted parts may leave unexplained."),
    Constant("reconstruction_age", "2000", "Steps after which a comparison of frames says nothing any more."),
    Constant("flat", "0.2", "The contrast ratio below which outputs are a black or gray screen."),
    Constant("sharp_contrast", "0.8", "The contrast ratio above which outputs are certainly not one."),
    Constant("kl_collapse", "0.01", "Of its first value: latents that carry almost nothing (posterior collapse)."),
    Constant("kl_explosion", "10", "Times its mean three long windows before."),
    Constant("kl_orders", "1e4", "Times its first values, while it is most of the total: it explodes even while it converges."),
    Constant("kl_crush_total", "0.9", "Of its mean a long window before: the total falls while the NLL rises."),
    Constant("kl_crush_share", "0.5", "Of the total: the weighted KL was most of it."),
    # Life
    Constant("usual_steps", "10", "Usual step times without a step before a rank counts as stalled."),
    Constant("stall_min", "600", "Seconds that a rank may take for a step at the least: an evaluation, a checkpoint."),
    Constant("first_step", "1800", "Seconds that a rank may take for its first step: compilation, caches."),
    Constant("straggler", "1.5", "Times the median step of the run's ranks."),
    Constant("remembered", "86400", "Seconds for which the end of a run is kept: the morning after still shows it."),
    # GPUs
    Constant("gpu_full", "0.95", "Of the card: what is left is less than one larger clip takes."),
    Constant("gpu_horizon", "14400", "Seconds ahead that growing memory is extrapolated: time to act."),
    Constant("gpu_pieces", "1.25", "Reserved over allocated memory, at the peaks, that points to fragmentation."),
    Constant("gpu_suspect", "600", "Seconds between an error of a card and a loss that goes wrong."),
    Constant("gpu_stale", "180", "Seconds: more than two lost scrapes and the longest sampling interval."),
    Constant("gpu_throttled", "0.5", "Of the last 10 minutes: a card that touches its limit for a moment is well."),
    Constant("gpu_memory_hot", "95", "Degrees Celsius: HBM2e slows down from there on."),
    Constant("gpu_retry_age", "1800", "Seconds for which an allocation that failed and was caught is a ticket."),
)

_VALUES = {constant.name: constant.value for constant in CONSTANTS} | {
    f"{signal}_{edge}": f"{value:g}" for signal, edges in EDGES.items() for edge, value in edges.items()
}


def with_numbers(text: str) -> str:
    """Return *text* with the value of each constant in place of its ``$name``; other names are Prometheus' own."""
    return Template(text).safe_substitute(_VALUES)
