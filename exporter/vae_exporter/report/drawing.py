"""Draw figures by step as SVG. Their colors are CSS variables of the page."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vae_exporter.stack.curve import Curve
from vae_exporter.vocabulary import NLL_BANDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

    from vae_exporter.report.contents import Alert

INKS = (
    "text", "faint", "grid", "page", "curve", "noise", "alert",
    *NLL_BANDS, "golden",
    "first", "second", "third", "fourth", "fifth", "sixth",
)  # fmt: skip
"""The CSS variables of the page that figures may use as colors."""

PARTS = ("first", "second", "third", "fourth", "fifth", "sixth")
"""The inks of stacked areas and of layers, in order."""

_SIZE_INCHES = (10.0, 3.5)
_LEFT, _RIGHT, _BOTTOM, _TOP = 0.06, 0.88, 0.14, 0.93

_NUMBER_WIDTH = 0.025  # as a fraction of the axes' width

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # keep text as text: small, searchable, in the reader's font
    "font.family": "sans-serif",
    "font.size": 9.5,
    "hatch.linewidth": 0.6,
    "text.parse_math": False,  # a name with two dollar signs is not a formula
    "path.simplify_threshold": 0.4,
}


def ink(name: str) -> str:
    """Return a placeholder color, which `svg` replaces by the CSS variable *name*."""
    return f"#0000{INKS.index(name) + 1:02x}"


def axes(label: str, steps: tuple[float, float] | None) -> Axes:
    """Return axes from the first of *steps* to the last, with space for labels on the right."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=_SIZE_INCHES)
        figure.patch.set_visible(False)
        figure.subplots_adjust(left=_LEFT, right=_RIGHT, bottom=_BOTTOM, top=_TOP)
        frame = figure.add_subplot()
    frame.patch.set_visible(False)
    frame.set_axisbelow(True)
    frame.grid(visible=True, color=ink("grid"), linewidth=0.7)
    frame.tick_params(colors=ink("faint"), which="both", length=0)
    frame.spines[:].set_visible(False)
    frame.spines["bottom"].set(visible=True, color=ink("faint"))
    frame.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    frame.set_xlabel("step", color=ink("faint"))
    frame.set_ylabel(label, color=ink("faint"))
    if steps is not None and steps[0] < steps[1]:
        margin = 0.005 * (steps[1] - steps[0])
        frame.set_xlim(steps[0] - margin, steps[1] + margin)
    return frame


def svg(frame: Axes, name: str) -> str:
    """Return the figure of *frame* as an ``<svg>`` element for a page in which *name* is unique."""
    figure = frame.get_figure(root=True)
    if figure is None:  # cannot happen: `axes` made the figure
        raise ValueError("these axes have no figure")
    buffer = io.StringIO()
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}):  # makes ids unique across figures
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # every figure has ids like figure_1
    text = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"|(<svg[^>]*?) height="[^"]*" width="[^"]*"', r"\1\2", text)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", text)
    return re.sub(r"#0000([0-9a-f]{2})", lambda found: f"var(--{INKS[int(found[1], 16) - 1]})", text)


def word(frame: Axes, y: float, text: str, color: str = "text") -> None:
    """Write *text* to the right of the axes, at the data coordinate *y*."""
    frame.annotate(
        text,
        (1, y),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=ink(color),
        annotation_clip=False,
    )


def mark_stages(frame: Axes, stages: Iterable[float]) -> None:
    """Draw a line where each stage began, with the word beside it."""
    for step in stages:
        frame.axvline(step, color=ink("faint"), linewidth=1.1, linestyle=":")
        frame.annotate(
            "stage",
            (step, 0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 4),
            textcoords="offset points",
            color=ink("faint"),
        )


def mark_alerts(frame: Axes, alerts: Iterable[Alert]) -> None:
    """Draw a line where each alert began, with its number above. Numbers that would overlap share a label."""
    numbered = sorted((alert.step, number) for number, alert in enumerate(alerts, 1) if alert.step is not None)
    low, high = frame.get_xlim()
    near = _NUMBER_WIDTH * (high - low)
    groups: list[tuple[float, list[int]]] = []
    for step, number in numbered:
        frame.axvline(step, color=ink("alert"), linewidth=1.1, linestyle=(0, (4, 2)))
        if groups and step - groups[-1][0] < near:
            groups[-1][1].append(number)
        else:
            groups.append((step, [number]))
    for step, numbers in groups:
        frame.annotate(
            " ".join(map(str, numbers)),
            (step, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 8),
            textcoords="offset points",
            ha="center",
            va="center",
            color=ink("page"),
            fontsize=8.5,
            fontweight="bold",
            bbox={"boxstyle": "round,pad=0.3,rounding_size=0.8", "facecolor": ink("alert"), "edgecolor": "none"},
        )


def unbroken(curve: Curve) -> list[Curve]:
    """Split *curve* wherever the run went back to an earlier step."""
    starts = [0, *(i for i in range(1, len(curve.steps)) if curve.steps[i] < curve.steps[i - 1]), len(curve.steps)]
    return [Curve(curve.steps[begin:end], curve.values[begin:end]) for begin, end in pairwise(starts) if end > begin]


def last_way(curve: Curve) -> Curve:
    """Return *curve* with only the last value of each step, in order of steps, so that it can be stacked."""
    values = dict(zip(curve.steps, curve.values, strict=True))
    steps = tuple(sorted(values))
    return Curve(steps, tuple(values[step] for step in steps))
