"""The top of the run's dashboard: how it is, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from vae_dashboards.looks import band, dashed, fixed, wrapped
from vae_dashboards.meanings import (
    BAND_COLORS,
    FIRING,
    GRAY,
    PURPLE,
    SEVERITY,
    STATE,
    STATE_QUERY,
    VERDICT,
    WHAT_TO_DO,
)
from vae_dashboards.panels import RUNBOOKS, Column, Words, curves, number, only, rows, states
from vae_dashboards.queries import Query, edge, of_run
from vae_dashboards.run import no_data
from vae_exporter.vocabulary import NLL_BANDS

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import timeseries

    from vae_dashboards.board import Panels


def at_a_glance() -> Panels:
    """Return what tells, from across the room, how the run is and what to do."""
    do = [
        Column("reason", "Because", width=220),
        Column("do", "What to do", meaning=WHAT_TO_DO, cell=wrapped()),
    ]
    outputs = [Column("outputs_url", "Look at them", link=("Open", "${__value.raw}"))]
    return [
        number(
            Words(
                "Verdict", "What the rules make of the run: healthy, converging, watch or stop.", no_data.HUNDRED_STEPS
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_verdict:code')})"),
            VERDICT,
            (4, 4),
        ),
        number(
            Words(
                "NLL",
                "The mean over the last 100 steps, which is judged. The target is a band, not a low number.",
                no_data.HUNDRED_STEPS,
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:mean')})"),
            size=(4, 4),
            decimals=3,
        ),
        number(
            Words(
                "Alive",
                "What the process said last; lost where it is not seen and never said that it ended.",
                "Not seen within the last day.",
            ),
            "none",
            Query(STATE_QUERY.format(runs='run=~"$run"')),
            STATE,
            (4, 4),
        ),
        rows(
            Words(
                "What to do",
                "By the alert or the band that decided the verdict. The alert's own text and its runbook tell more.",
                "Nothing yet: the run is not judged before its first 100 steps.",
            ),
            [Query(f'label_replace(max by (reason) ({of_run("run:vae_verdict")}), "do", "$1", "reason", "(.+)")')],
            do,
            (8, 4),
        ).transformations(only(do)),
        rows(
            Words(
                "Outputs",
                "Where a person looks at the reconstructions, by TrainingExporter(outputs_url=).",
                "Not given: outputs_url",
            ),
            [Query(f"max by (outputs_url) ({of_run('vae_run_info', outputs_url='=~.+')})")],
            outputs,
            (4, 4),
        ).transformations(only(outputs)),
        _nll_over_bands(),
        states(
            Words("Verdict over time", "How the verdict changed.", no_data.HUNDRED_STEPS),
            VERDICT,
            [Query(f"max by (run) ({of_run('run:vae_verdict:code')})", "verdict")],
            (16, 4),
        ),
        number(
            Words("Step", "The newest step of the run.", "No step yet."),
            "none",
            Query(f"max by (run) ({of_run('run_rank:vae_step:max')})"),
            size=(4, 4),
            decimals=0,
        ),
        number(
            Words(
                "Since the last step",
                "How long the slowest rank makes no step; a pause counts as one.",
                "Not seen now.",
            ),
            "s",
            Query(f"max by (run) ({of_run('run_rank:vae_step_age:seconds')})"),
            size=(4, 4),
        ),
    ]


def _nll_over_bands() -> timeseries.Panel:
    """Draw the NLL in front of its bands, which are the differences of the edges, on top of each other."""
    high = f"2 * {edge('bad')}"
    widths = {name: _width(*limits) for name, limits in NLL_BANDS.items()}
    golden = [Query(edge(f"golden_{side}"), f"golden, {side}", f"golden_{side}") for side in ("min", "max")]
    panel = curves(
        Words(
            "NLL over its bands",
            "Thick: the mean over the last 100 steps, which is judged. Thin: over the last 10. Behind it the bands, "
            "by the "
            "edges of this run. An NLL above twice the edge of bad is drawn at the upper rim: see check B for all of "
            "it.",
            no_data.HUNDRED_STEPS,
        ),
        "none",
        [
            *(Query(width, name, name) for name, width in widths.items()),
            *golden,
            Query(
                _at_most(f"max by (run) ({of_run('run:vae_nll:short_mean')})", high),
                "last 10 steps",
                "noise",
            ),
            Query(_at_most(f"max by (run) ({of_run('run:vae_nll:mean')})", high), "NLL", "nll"),
        ],
        (24, 11),
    ).min(0)
    for name in widths:
        panel.override_by_query(name, [*band(), fixed(BAND_COLORS[name])])
    for query in golden:
        panel.override_by_query(query.name, [*dashed(1), fixed("green")])
    panel.override_by_query("noise", [fixed(GRAY)]).override_by_query("nll", [fixed(PURPLE)])
    return panel


def _width(lower: str | None, upper: str | None) -> str:
    """Return how much of the axis a band takes: the highest one reaches up to twice its edge."""
    return f"{edge(upper)} - {edge(lower)}" if lower and upper else edge(lower or upper or "")


def _at_most(query: str, limit: str) -> str:
    return f"({query} <= on (run) {limit}) or on (run) ({limit} and on (run) {query})"


def alerts() -> Panels:
    """Return what fires, and what the run said of itself."""
    columns = [
        Column("severity", "Severity", meaning=SEVERITY, colored=True, width=100),
        Column("alertname", "Alert", link=("Open the runbook", f"{RUNBOOKS}/${{__value.raw}}.md"), width=220),
        Column("run", "Run", width=200),
        Column("rank", "Rank", width=70),
        Column("do", "What to do", meaning=WHAT_TO_DO, cell=wrapped()),
    ]
    firing = of_run("ALERTS", alertstate="firing")
    return [
        rows(
            Words(
                "Firing now",
                "The alerts of the chosen runs. A click on its name opens the alert's runbook.",
                "None is firing.",
            ),
            [
                Query(
                    f"label_replace(max by (severity, alertname, run, rank) ({firing}),"
                    ' "do", "$1", "alertname", "(.+)")'
                )
            ],
            columns,
            (14, 6),
        ).transformations(only(columns)),
        states(
            Words("Fired", "Which alerts fired, and when.", "None has fired in this time."),
            FIRING,
            [Query(f"max by (run, alertname) ({firing})", "{{alertname}} {{run}}")],
            (10, 6),
        ),
        rows(
            Words(
                "About",
                "What the run said of itself: TrainingExporter(info=, outputs_url=). A click opens its outputs.",
                "No data: none of the chosen runs is seen now.",
            ),
            [Query(f"group without (instance, job) ({of_run('vae_run_info')})")],
            [Column("outputs_url", "outputs_url", link=("Look at the outputs", "${__value.raw}"))],
            (24, 4),
        ).transformations(
            [DataTransformerConfig(id_val="filterFieldsByName", options={"exclude": {"pattern": "^(Time|Value)"}})]
        ),
    ]
