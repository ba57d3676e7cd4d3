"""The top of the run dashboard: how the run is doing, and what to do."""

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
    """Return the panels that show at a glance how the run is doing and what to do."""
    do = [
        Column("reason", "Reason", width=220),
        Column("do", "What to do", meaning=WHAT_TO_DO, cell=wrapped()),
    ]
    outputs = [Column("outputs_url", "View", link=("Open", "${__value.raw}"))]
    return [
        number(
            Words("Verdict", "The verdict of the rules: healthy, converging, watch or stop.", no_data.HUNDRED_STEPS),
            "none",
            Query(f"max by (run) ({of_run('run:vae_verdict:code')})"),
            VERDICT,
            (4, 4),
        ),
        number(
            Words(
                "NLL",
                "The mean NLL of the last 100 steps, which the rules judge. Lower is not always better: the target is "
                "a band.",
                no_data.HUNDRED_STEPS,
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:mean')})"),
            size=(4, 4),
            decimals=3,
        ),
        number(
            Words(
                "State",
                "The last state that the process reported. Lost: it disappeared without reporting that it ended.",
                "Not scraped within the last day.",
            ),
            "none",
            Query(STATE_QUERY.format(runs='run=~"$run"')),
            STATE,
            (4, 4),
        ),
        rows(
            Words(
                "What to do",
                "Advice for the alert or band that decided the verdict. The runbook of the alert has the details.",
                "Nothing yet. The first verdict comes after 100 steps.",
            ),
            [Query(f'label_replace(max by (reason) ({of_run("run:vae_verdict")}), "do", "$1", "reason", "(.+)")')],
            do,
            (8, 4),
        ).transformations(only(do)),
        rows(
            Words(
                "Outputs",
                "A link to the reconstructions.",
                "outputs_url is not set",
            ),
            [Query(f"max by (outputs_url) ({of_run('vae_run_info', outputs_url='=~.+')})")],
            outputs,
            (4, 4),
        ).transformations(only(outputs)),
        _nll_over_bands(),
        states(
            Words(
                "Verdict over time",
                "A good run goes from converging to healthy and stays there.",
                no_data.HUNDRED_STEPS,
            ),
            VERDICT,
            [Query(f"max by (run) ({of_run('run:vae_verdict:code')})", "verdict")],
            (16, 4),
        ),
        number(
            Words("Step", "The latest step of the run.", "No step yet."),
            "none",
            Query(f"max by (run) ({of_run('run_rank:vae_step:max')})"),
            size=(4, 4),
            decimals=0,
        ),
        number(
            Words(
                "Since last step",
                "The time since the last step of the slowest rank. A pause counts as a step.",
                "Not scraped.",
            ),
            "s",
            Query(f"max by (run) ({of_run('run_rank:vae_step_age:seconds')})"),
            size=(4, 4),
        ),
    ]


def _nll_over_bands() -> timeseries.Panel:
    """Draw the NLL over its bands, which are stacked differences of adjacent edges."""
    high = f"2 * {edge('bad')}"
    widths = {name: _width(*limits) for name, limits in NLL_BANDS.items()}
    golden = [Query(edge(f"golden_{side}"), f"golden, {side}", f"golden_{side}") for side in ("min", "max")]
    panel = curves(
        Words(
            "NLL over its bands",
            "Purple: the judged NLL, the mean of the last 100 steps. The other line is the mean of the last 10. The "
            "background shows the bands of this run. The NLL should settle in excellent or good. It is cut off at "
            "twice the bad edge: see NLL, log scale, in check B.",
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
    """Return the width of a band on the axis. The highest band ends at twice its lower edge."""
    return f"{edge(upper)} - {edge(lower)}" if lower and upper else edge(lower or upper or "")


def _at_most(query: str, limit: str) -> str:
    return f"({query} <= on (run) {limit}) or on (run) ({limit} and on (run) {query})"


def alerts() -> Panels:
    """Return the alerts that fire, and the labels of the run."""
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
                "The firing alerts of the selected runs. Click a name to open its runbook.",
                "No alert is firing.",
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
            Words("Alert history", "When each alert fired.", "No alert fired in this time range."),
            FIRING,
            [Query(f"max by (run, alertname) ({firing})", "{{alertname}} {{run}}")],
            (10, 6),
        ),
        rows(
            Words(
                "About",
                "What the run reports about itself, from TrainingExporter(info=, outputs_url=).",
                "No data. None of the selected runs is scraped.",
            ),
            [Query(f"group without (instance, job) ({of_run('vae_run_info')})")],
            [Column("outputs_url", "outputs_url", link=("Open the outputs", "${__value.raw}"))],
            (24, 4),
        ).transformations(
            [DataTransformerConfig(id_val="filterFieldsByName", options={"exclude": {"pattern": "^(Time|Value)"}})]
        ),
    ]
