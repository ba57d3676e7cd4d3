"""VAE comparison: runs side by side, over steps instead of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae_dashboards.board import Board, Panels, Row, runs
from vae_dashboards.looks import logarithmic
from vae_dashboards.meanings import BAND_COLORS, BLUE, GRAY, RED, VERDICT_NAME
from vae_dashboards.panels import SCIENTIFIC, Words
from vae_dashboards.queries import Query, band_edge, edge, of_run, window_mean
from vae_dashboards.steps import Edge, of_runs_by_step
from vae_dashboards.tables import RUN, Column, joined, only, rows
from vae_exporter.vocabulary import BAND_EDGES, COMPONENTS, NLL_BANDS, PROBED

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

NOTHING = "Select runs above, and a time range in which they trained."


def comparison() -> Board:
    """Return the dashboard that compares runs."""
    return Board(
        uid="vae-comparison",
        title="VAE comparison",
        description="Compares runs over steps. Select them above, and a time range that covers all of them.",
        variables=[runs()],
        rows=[Row("", _panels())],
        since="now-2d",
        refresh="1m",
    )


def _panels() -> Panels:
    columns = [
        RUN,
        Column("verdict", "Verdict", meaning=VERDICT_NAME, colored=True, width=155),
        Column("reason", "Reason", width=205),
        Column("Value #nll", "NLL", decimals=3),
        Column("Value #best", "Best NLL", decimals=3),
        Column("Value #step", "Step", decimals=0),
    ]
    ever = "[$__range]"
    now = [
        Query(f"group by (run, verdict, reason) ({of_run('run:vae_verdict')})", name="verdict"),
        Query(f"max by (run) (last_over_time({of_run('run:vae_nll:mean')}{ever}))", name="nll"),
        Query(f"min by (run) (min_over_time({of_run('run:vae_nll:best')}{ever}))", name="best"),
        Query(f"max by (run) (last_over_time({of_run('run_rank:vae_step:max')}{ever}))", name="step"),
    ]
    return [
        of_runs_by_step(
            Words(
                "NLL by step",
                "The judged NLL, the mean of the last 100 steps, on a log scale. A good run falls and then stays flat. "
                "Dashed: the upper edges of excellent, good and degraded, of each run that its bands fit. Dashed gray: "
                "what the run before had here, if a run has a baseline.",
                NOTHING,
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:mean')})", name="nll"),
            (24, 11),
            edges=[
                Edge(Query(band_edge(str(upper)), name=name), BAND_COLORS[name])
                for name, (_, upper) in NLL_BANDS.items()
                if name in ("excellent", "good", "degraded")
            ]
            + [Edge(Query(f"max by (run) ({of_run('run:vae_baseline:mean')})", name="before"), GRAY)],
        ).scale_distribution(logarithmic()),
        rows(
            Words("Runs", "The latest values of each run. A run that has ended has no verdict.", NOTHING),
            now,
            columns,
            (24, 8),
        ).transformations([*joined("run"), *only(columns)]),
        *(_component(name, COMPONENTS[name].meaning) for name in PROBED if name != "nll"),
        _figure(
            "Learning rate by step",
            "The learning rate of the optimizer. It follows your schedule.",
            "vae_learning_rate",
            "learning_rate",
            SCIENTIFIC,
        ),
        _figure(
            "Gradient norm by step",
            "The largest gradient norm of any rank. It should settle after the warm-up and stay flat.",
            "vae_gradient_norm",
            "gradient_norm",
        ),
    ]


def _component(name: str, meaning: str) -> Builder[Panel]:
    edges = [
        Edge(Query(edge(side, signal=name), name=side), RED if side == "max" else BLUE)
        for side in BAND_EDGES.get(name, ())
    ]
    dashed = " Dashed: the edges of each run." if edges else ""
    return of_runs_by_step(
        Words(f"{name} by step", f"{meaning} The unweighted mean of the last 100 steps.{dashed}", _nothing(name)),
        "none",
        Query(f"avg by (run) ({window_mean(name)})", name="loss"),
        (12, 9),
        edges=edges,
    )


def _figure(title: str, description: str, series: str, keyword: str, unit: str = "none") -> Builder[Panel]:
    return of_runs_by_step(
        Words(title, description, _nothing(keyword)),
        unit,
        Query(f"max by (run) ({of_run(series)})", name="figure"),
        (12, 9),
    )


def _nothing(keyword: str) -> str:
    return f"{NOTHING} The runs must pass {keyword} to observe()."
