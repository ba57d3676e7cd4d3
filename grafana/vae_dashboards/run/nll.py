"""The NLL of the run over its bands, by time and by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_dashboards.looks import dashed, edge_of_bands, filled_down_to, fixed, logarithmic, thin
from vae_dashboards.meanings import BAND_COLORS, BLUE, GRAY, GREEN, ORANGE, PURPLE
from vae_dashboards.panels import Words, curves
from vae_dashboards.queries import Query, band_edge, of_run, one_curve
from vae_dashboards.run import no_data
from vae_dashboards.steps import of_run_by_step
from vae_exporter.vocabulary import NLL_BANDS

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import timeseries, trend

FLOOR, CEILING = "floor", "ceiling"
"""The ends of the lowest and the highest band, which are open."""

GOLDEN = ("golden_min", "golden_max")

SHORT, BEST, BASELINE, NLL = "last 10 steps", "best", "baseline", "NLL"

LINES = [
    Query(one_curve("run:vae_nll:short_mean"), SHORT, "short"),
    Query(f"min by (run) ({of_run('run:vae_nll:best')})", BEST, "best"),
    Query(f"max by (run) ({of_run('run:vae_baseline:mean')})", BASELINE, "baseline"),
    Query(one_curve("run:vae_nll:mean"), NLL, "nll"),
]


def nll_by_time() -> timeseries.Panel:
    """Return the panel of the NLL by time."""
    panel = curves(
        Words(
            "NLL over its bands",
            "Purple: the judged NLL, the mean of the last 100 steps, on a log scale. The thin line is the mean of "
            "the last 10, the dashed blue one the best so far. From the top, the bands are bad, degraded, good, "
            "excellent, low and suspicious; the golden range is between the dashed green lines. The NLL should settle "
            "in excellent or good. No bands are drawn if they do not fit the run. If the run resumes another one, the "
            "curve of that run comes first. "
            "Dashed orange: what the run before had here, if the run has a baseline.",
            no_data.HUNDRED_STEPS,
        ),
        "none",
        [*_edges(), *LINES],
        (24, 11),
    )
    _draw_over_bands(panel)
    return panel


def nll_by_step() -> trend.Panel:
    """Return the panel of the NLL by step."""
    panel = of_run_by_step(
        Words(
            "NLL by step",
            "The NLL over its bands, by step, without pauses. Steps that were trained again after a resume have "
            "the values of the last time.",
            no_data.HUNDRED_STEPS,
        ),
        "none",
        [*_edges(), *LINES],
        (24, 11),
    )
    _draw_over_bands(panel)
    return panel


def _edges() -> list[Query]:
    """Return the edges between the bands, lowest first. For the default bands, they range from 0.02 to 5."""
    inner = [upper for _, upper in NLL_BANDS.values() if upper]
    return [
        _named(FLOOR, f"0.4 * ({band_edge(inner[0])})"),
        *(_named(name, band_edge(name)) for name in (*inner, *GOLDEN)),
        _named(CEILING, f"50 / 3 * ({band_edge(inner[-1])})"),
    ]


def _named(name: str, expr: str) -> Query:
    return Query(expr, name, name)


def _draw_over_bands(panel: timeseries.Panel | trend.Panel) -> None:
    """Style the series by their names, because a join by time loses their queries."""
    panel.scale_distribution(logarithmic())
    panel.override_by_name(FLOOR, edge_of_bands())
    for band, (lower, upper) in NLL_BANDS.items():
        style = [*edge_of_bands(), *filled_down_to(lower or FLOOR), fixed(BAND_COLORS[band])]
        panel.override_by_name(upper or CEILING, style)
    for name in GOLDEN:
        panel.override_by_name(name, [*edge_of_bands(), *dashed(1), fixed(GREEN)])
    panel.override_by_name(SHORT, [fixed(GRAY), *thin()])
    panel.override_by_name(BEST, [fixed(BLUE), *dashed(1)])
    panel.override_by_name(BASELINE, [fixed(ORANGE), *dashed(2)])
    panel.override_by_name(NLL, [fixed(PURPLE)])
