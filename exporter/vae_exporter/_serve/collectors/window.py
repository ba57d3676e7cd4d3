"""Means of the losses over windows of steps, their standard error, and the level that the NLL held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from vae_exporter._record.windows import JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from vae_exporter._process.settings import RunSettings
    from vae_exporter._record.facts import RunFacts


def collect(_settings: RunSettings, facts: RunFacts) -> Iterator[Metric]:
    """Yield the means that are whole, what the newest is worth, and the level that was held."""
    windows, level = facts.windows, facts.level
    yield _one(
        "vae_loss_window_steps", "The length of a long window, in steps; a short one is a tenth of it.", windows.long
    )
    means = GaugeMetricFamily(
        "vae_loss_window_mean",
        "The mean of a loss over a window of steps that ends lag windows before the newest step. The component "
        f"{JUDGED} is the NLL that is judged.",
        labels=["component", "window", "lag"],
    )
    for mean in windows.means():
        means.add_metric([mean.component, mean.window, mean.lag], mean.value)
    yield means
    evidence = windows.evidence()
    if evidence is not None:
        yield _one(
            "vae_loss_window_values",
            "The number of values in the newest long window of the judged NLL.",
            evidence.values,
        )
        yield _one(
            "vae_loss_window_standard_error",
            "The standard error of the judged NLL's mean over the newest long window.",
            evidence.standard_error,
        )
    unexplained = GaugeMetricFamily(
        "vae_nll_unexplained_ratio",
        "The share of the NLL that its weighted parts leave unexplained, over a long window that ends lag windows ago.",
        labels=["lag"],
    )
    for lag, ratio in windows.unexplained_ratios():
        unexplained.add_metric([lag], ratio)
    yield unexplained
    best = GaugeMetricFamily(
        "vae_loss_best_window_mean", "The lowest mean of the judged NLL over a window so far.", labels=["window"]
    )
    for window, value in (("long", level.best), ("short", level.best_short)):
        if value is not None:
            best.add_metric([window], value)
    yield best
    yield _one(
        "vae_loss_highest_window_mean", "The highest mean of the judged NLL over a long window so far.", level.highest
    )
    held = GaugeMetricFamily(
        "vae_loss_held_mean",
        "The lowest level that the judged NLL held for three long windows in a row, and the mean of each loss then.",
        labels=["component"],
    )
    if level.held is not None:
        held.add_metric([JUDGED], level.held)
    for component, value in level.held_means.items():
        if component != JUDGED:
            held.add_metric([component], value)
    yield held
    groups = GaugeMetricFamily(
        "vae_loss_group_rise_ratio",
        "How many times its own level the NLL of a group of batches is at, for each group that rose.",
        labels=["group"],
    )
    for group, ratio in windows.risen_groups().items():
        groups.add_metric([group], ratio)
    yield groups
    yield _one("vae_loss_held_step", "The last step of the three windows of the held level.", level.held_step)
    yield _one(
        "vae_loss_level_step",
        "The newest step at which the judged NLL's short mean was at its level. A rise began after it.",
        level.last_step,
    )


def _one(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family
