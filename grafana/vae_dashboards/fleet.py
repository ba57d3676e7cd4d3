"""VAE fleet: all runs, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from vae_dashboards.board import Board, Panels, Row
from vae_dashboards.looks import sparkline
from vae_dashboards.meanings import ORANGE, RED, STATE, STATE_QUERY, VERDICT, count_of
from vae_dashboards.panels import Words, number
from vae_dashboards.queries import Query, held, of_any_run
from vae_dashboards.tables import RUN, Column, joined, of_query, only, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import Panel

ANY_RUN = 'run!=""'

COLUMNS = [
    RUN,
    Column("Value #verdict", "Verdict", meaning=VERDICT, colored=True, width=155),
    Column("reason", "Reason", width=205),
    Column("Value #state", "State", meaning=STATE, colored=True, width=130),
    Column("Value #pages", "Pages", width=75, decimals=0),
    Column("Value #nll", "NLL", decimals=3, width=85),
    Column("Trend #trend", "NLL over time", cell=sparkline(), width=180),
    Column("Value #step", "Step", decimals=0, width=95),
    Column("Value #speed", "Steps per hour", decimals=0, width=130),
    Column("Value #age", "Since last step", unit="s", width=130),
    Column("Value #memory", "Fullest GPU", unit="percentunit", decimals=0, width=110),
]

VERDICT_QUERY = f"max by (run) ({of_any_run('run:vae_verdict:code')} or -1 * {of_any_run('run:vae_run:present')})"
PAGES_QUERY = f"count by (run) ({of_any_run('ALERTS', alertstate='firing', severity='page')})"

QUERIES = [
    Query(VERDICT_QUERY, name="verdict"),
    Query(f"max by (run, reason) ({of_any_run('run:vae_verdict')})", name="reason"),
    Query(STATE_QUERY.format(runs=ANY_RUN), name="state"),
    Query(PAGES_QUERY, name="pages"),
    Query(f"max by (run) ({of_any_run('run:vae_nll:mean')})", name="nll"),
    Query(f"max by (run) ({of_any_run('run_rank:vae_step:max')})", name="step"),
    Query(f"3600 * max by (run) (rate({of_any_run('vae_steps_total')}[$__rate_interval]))", name="speed"),
    Query(f"max by (run) ({of_any_run('run_rank:vae_step_age:seconds')})", name="age"),
    Query(
        f"max by (run) ({held('reserved', 'peak', ANY_RUN, 'run, gpu')}"
        f" / max by (run, gpu) ({of_any_run('vae_gpu_memory_total_bytes')}))",
        name="memory",
    ),
    # The hidden sort key: first runs with a firing page, then by verdict, then runs of which only the state is known.
    Query(
        f"max by (run) (10 + {PAGES_QUERY} or {VERDICT_QUERY} or -2 * ({of_any_run('run_rank:vae_run_state:code')} > "
        "-1))",
        name="worst",
    ),
]
TREND = Query(f"max by (run) ({of_any_run('run:vae_nll:mean')})", name="trend")


def fleet() -> Board:
    """Return the dashboard of all runs."""
    return Board(
        uid="vae-fleet",
        title="VAE fleet",
        description="All runs of the last day, worst first. Click a name to open the run.",
        variables=[],
        rows=[Row("", _counts()), Row("", [_table()])],
        since="now-6h",
    )


def _counts() -> Panels:
    def count(title: str, description: str, query: str, color: str = "") -> Builder[Panel]:
        meaning = count_of(color) if color else ()
        return number(Words(title, description, "None"), "none", Query(query), meaning, (6, 4), decimals=0)

    live = of_any_run("run_rank:vae_run_state:code")
    return [
        count("Live runs", "Runs that are running or paused.", f"count(group by (run) ({live} <= 1)) or vector(0)"),
        count("Paging runs", "Runs with a firing page. Should be 0.", f"count({PAGES_QUERY}) or vector(0)", RED),
        count(
            "Verdict: stop",
            "Runs with the verdict stop. Should be 0.",
            f"count({of_any_run('run:vae_verdict', verdict='stop')}) or vector(0)",
            RED,
        ),
        count(
            "Verdict: watch",
            "Runs with the verdict watch.",
            f"count({of_any_run('run:vae_verdict', verdict='watch')}) or vector(0)",
            ORANGE,
        ),
    ]


def _table() -> Builder[Panel]:
    panel = rows(
        Words(
            "Runs, worst first",
            "One row per run of the last day. Runs with a firing page come first, then by verdict.",
            "No run was seen within the last day. See docs/discovery.md for how Prometheus finds runs.",
        ),
        QUERIES,
        COLUMNS,
        (24, 18),
    )
    panel.with_target(TREND.over_time())
    return panel.transformations(
        [
            DataTransformerConfig(id_val="timeSeriesTable", options={}, filter_val=of_query(TREND.name)),
            *joined("run"),
            DataTransformerConfig(
                id_val="sortBy", options={"fields": {}, "sort": [{"field": "Value #worst", "desc": True}]}
            ),
            *only(COLUMNS),
        ]
    )
