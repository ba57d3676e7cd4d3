"""Draw the figures of a report: the NLL and its bands, the parts of the NLL, and the GPU memory."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, MaxNLocator

from vae_exporter.report.drawing import PARTS, axes, ink, last_way, mark_alerts, mark_stages, svg, unbroken, word
from vae_exporter.vocabulary import NLL_BANDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from vae_exporter.report.contents import GpuMemory, Report

_LINEAR, _LOGARITHMIC = 1.35, 2.0
"""If the NLL exceeds the second factor times the bad edge, it is drawn logarithmically above the first factor times it.

A loss that starts at 8 or explodes to 1000 would otherwise flatten the bands.
"""

_STEEPNESS = 0.25  # of the logarithmic scale: a factor of ten takes a bit more than half the height of the linear part
_WORD_HEIGHT = 0.06  # as a fraction of the axes' height; labels closer than this would overlap
_HATCHES = ("", "////", "....", "\\\\\\\\", "xx", "++")
_GIB = 2.0**30


def nll_figure(report: Report) -> str:
    """Draw the NLL by step on top of its bands, with a numbered line for each alert."""
    frame = axes("NLL", _steps(report))
    _set_scale(frame, report)
    _draw_bands(frame, report.edges)
    for part in unbroken(report.nll_noise):
        frame.plot(part.steps, part.values, color=ink("noise"), linewidth=0.8, alpha=0.75)
    for part in unbroken(report.baseline):
        frame.plot(part.steps, part.values, color=ink("text"), linewidth=1.4, linestyle="--")
    for part in unbroken(report.nll):
        frame.plot(part.steps, part.values, color=ink("page"), linewidth=4.2)  # an outline, for contrast with the bands
        frame.plot(part.steps, part.values, color=ink("curve"), linewidth=2.2)
    mark_stages(frame, report.stages)
    mark_alerts(frame, report.alerts)
    return svg(frame, "nll")


def contributions_figure(report: Report) -> str:
    """Draw the weighted parts of the NLL, stacked."""
    frame = axes("weighted loss", _steps(report))
    curves = {name: last_way(curve) for name, curve in report.contributions.items() if curve}
    steps = np.unique(np.concatenate([curve.steps for curve in curves.values()]))
    floor = np.zeros_like(steps, dtype=float)
    middles: dict[str, float] = {}
    for (name, curve), part, hatch in zip(curves.items(), PARTS, _HATCHES, strict=False):
        top = floor + np.interp(steps, curve.steps, curve.values)
        frame.fill_between(
            steps, floor, top, facecolor=ink(part), edgecolor=ink("page"), hatch=hatch, linewidth=0, alpha=0.85
        )
        middles[name] = (floor[-1] + top[-1]) / 2
        floor = top
    frame.set_ylim(bottom=0)
    for name, y in _spread(middles, frame.get_ylim()[1]):
        word(frame, y, name)
    mark_alerts(frame, report.alerts)
    return svg(frame, "contributions")


def memory_figure(memory: GpuMemory, report: Report) -> str:
    """Draw the layers of a GPU's memory by step, and its capacity. *report* sets the range of steps."""
    frame = axes("GiB", _steps(report))
    ends: dict[str, float] = {}
    for (name, curve), part, style in zip(memory.layers.items(), PARTS, cycle(("-", "--", "-.", ":")), strict=False):
        for piece in unbroken(curve):
            values = [value / _GIB for value in piece.values]
            frame.plot(piece.steps, values, color=ink(part), linestyle=style, linewidth=2)
            ends[name] = values[-1]
    if memory.total is not None:
        frame.axhline(memory.total / _GIB, color=ink("text"), linewidth=1.2)
        ends["capacity"] = memory.total / _GIB
    frame.set_ylim(bottom=0, top=1.08 * max(ends.values(), default=1.0))
    for name, y in _spread(ends, frame.get_ylim()[1]):
        word(frame, y, name)
    return svg(frame, memory.gpu)


def _steps(report: Report) -> tuple[float, float] | None:
    """Return the first and last step of a run, so that all its figures share the same axis."""
    told = (alert.step for alert in report.alerts if alert.step is not None)
    steps = (*report.nll_noise.steps, *report.nll.steps, *told)
    return (min(steps), max(steps)) if steps else None


def logarithmic_from(report: Report) -> float | None:
    """Return the NLL above which the scale of `nll_figure` is logarithmic, or None if all of it is linear."""
    worst = report.edges.get("bad", 0.0)
    return _LINEAR * worst if 0.0 < _LOGARITHMIC * worst < _highest(report) else None


def _highest(report: Report) -> float:
    values = (*report.nll.values, *report.nll_noise.values, *report.baseline.values)
    return max((value for value in values if math.isfinite(value)), default=0.0)


def _set_scale(frame: Axes, report: Report) -> None:
    highest = _highest(report)
    lowest = min((0.0, *(value for value in report.nll.values if math.isfinite(value))))
    linear = logarithmic_from(report)
    if linear is None:
        frame.set_ylim(lowest, max(_LINEAR * report.edges.get("bad", 0.0), 1.08 * highest) or 1.0)
        return

    def forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(values <= linear, values / linear, 1 + _STEEPNESS * np.log(np.maximum(values, linear) / linear))

    def inverse(heights: NDArray[np.float64]) -> NDArray[np.float64]:
        return linear * np.where(heights <= 1, heights, np.exp((np.maximum(heights, 1) - 1) / _STEEPNESS))

    frame.set_yscale("function", functions=(forward, inverse))
    frame.set_ylim(lowest, 1.3 * highest)
    decades = range(math.ceil(math.log10(1.3 * linear)), math.floor(math.log10(1.3 * highest)) + 1)
    frame.yaxis.set_major_locator(
        FixedLocator([*MaxNLocator(4).tick_values(lowest, linear)[:-1], *(10.0**d for d in decades)])
    )
    frame.yaxis.set_major_formatter("{x:g}")
    frame.axhline(linear, color=ink("faint"), linewidth=0.8, linestyle=":")


def _draw_bands(frame: Axes, edges: Mapping[str, float]) -> None:
    low, high = frame.get_ylim()
    for band, bottom, top in _bands(edges, low, high):
        frame.axhspan(bottom, top, facecolor=ink(band), alpha=0.3, linewidth=0)
        frame.axhline(bottom, color=ink(band), linewidth=0.6)
        middle, height = _middle(frame, bottom, top)
        if height >= _WORD_HEIGHT:
            word(frame, middle, band)
    if {"golden_min", "golden_max"} <= edges.keys():
        bottom, top = edges["golden_min"], edges["golden_max"]
        frame.axhspan(bottom, top, facecolor=ink("golden"), alpha=0.35, linewidth=0)


def _bands(edges: Mapping[str, float], low: float, high: float) -> Iterator[tuple[str, float, float]]:
    """Yield each band that is visible between *low* and *high*, with its visible limits."""
    if not edges.keys() >= {edge for limits in NLL_BANDS.values() for edge in limits if edge}:
        return
    for band, (lower, upper) in NLL_BANDS.items():
        bottom = max(edges[lower], low) if lower else low
        top = min(edges[upper], high) if upper else high
        if bottom < top:
            yield band, bottom, top


def _middle(frame: Axes, bottom: float, top: float) -> tuple[float, float]:
    """Return the middle of a band in data coordinates, and its height as a fraction of the axes' height."""
    there = frame.transData + frame.transAxes.inverted()
    (_, first), (_, last) = there.transform([(1, bottom), (1, top)])
    _, middle = there.inverted().transform((0, (first + last) / 2))
    return float(middle), float(last - first)


def _spread(ends: Mapping[str, float], top: float) -> Iterator[tuple[str, float]]:
    """Yield the labels of *ends* from top to bottom, moved so that they do not overlap or leave the axes."""
    height = _WORD_HEIGHT * top
    placed: list[tuple[str, float]] = []
    free = -math.inf
    for name, y in sorted(ends.items(), key=lambda end: end[1]):
        placed.append((name, max(y, free)))
        free = placed[-1][1] + height
    ceiling = top
    for name, y in reversed(placed):
        yield name, min(y, ceiling)
        ceiling = min(y, ceiling) - height
