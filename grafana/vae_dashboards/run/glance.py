"""The top of the run dashboard: how the run is doing, and what to do. On a phone, the panels come in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from vae_dashboards.meanings import (
    FIRING,
    FIRING_QUERY,
    REASON,
    SEVERITY,
    STATE,
    STATE_QUERY,
    VERDICT,
    WHAT_TO_DO,
    called,
)
from vae_dashboards.panels import EMPTY, RUNBOOKS, Words, number, sentence, states
from vae_dashboards.queries import Query, of_run, or_none
from vae_dashboards.run import no_data
from vae_dashboards.run.nll import nll_by_step, nll_by_time
from vae_dashboards.tables import Column, only, rows

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, statetimeline, table

    from vae_dashboards.board import Panels

THIS_RUN = 'run=~"$run"'

SENTENCE_WIDTH = 665
"""The least width of a column with advice. On a phone, the table scrolls."""


def at_a_glance() -> Panels:
    """Return the panels that show at a glance how the run is doing and what to do, most urgent first."""
    return [
        *_verdict(),
        nll_by_time(),
        _since_last_step(),
        _firing_now(),
        _outputs(),
        *_progress(),
        _alert_history(),
        nll_by_step(),
        _about(),
    ]


def _verdict() -> Panels:
    return [
        number(
            Words(
                "Verdict",
                "The verdict of the rules: healthy, converging, watch or stop. A run that has ended well has none.",
                "No verdict",
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_verdict:code')})"),
            [VERDICT],
            (5, 4),
            is_current=True,
        ),
        sentence(
            Words(
                "Reason and what to do",
                "The alert or band that decided the verdict, and advice. The runbook of the alert has the details.",
                "No verdict now: the run has ended, or has not made 100 steps yet.",
            ),
            Query(f"max by (reason) ({of_run('run:vae_verdict')})"),
            "reason",
            REASON,
            (19, 4),
        ),
    ]


def _since_last_step() -> stat.Panel:
    age = f"max by (run) ({of_run('run_rank:vae_step_age:seconds')})"
    last = f"max by (run) (last_over_time({of_run('run_rank:vae_last_step:timestamp_seconds')}[$__range]))"
    return number(
        Words(
            "Since last step",
            "The time since the last step of the slowest rank. A pause counts as a step. It goes on after the run has "
            "ended or disappeared.",
            EMPTY,
        ),
        "s",
        Query(f"{age} or time() - {last}"),
        size=(4, 6),
        is_current=True,
    )


_PAGES_FIRST = DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": "severity"}]})


def _firing_now() -> table.Panel:
    columns = [
        Column("severity", "Severity", meaning=SEVERITY, colored=True, width=95),
        Column("alertname", "Alert", link=("Open the runbook", f"{RUNBOOKS}/${{__value.raw}}.md"), width=215),
        Column("rank", "Rank", width=75),
        Column("do", "What to do", meaning=WHAT_TO_DO, least_width=SENTENCE_WIDTH),
    ]
    firing = of_run("ALERTS", alertstate="firing")
    return rows(
        Words(
            "Firing now",
            "The firing alerts of the run. Click a name to open its runbook.",
            "No alert is firing.",
        ),
        [Query(f'label_replace(max by (severity, alertname, rank) ({firing}), "do", "$1", "alertname", "(.+)")')],
        columns,
        (17, 6),
    ).transformations([_PAGES_FIRST, *only(columns)])


def _outputs() -> table.Panel:
    columns = [Column("outputs_url", "View", link=("Open", "${__value.raw}"), meaning=called("Open the outputs"))]
    return rows(
        Words("Outputs", "A link to the reconstructions.", "outputs_url is not set."),
        [Query(f"max by (outputs_url) (last_over_time({of_run('vae_run_info', outputs_url='=~.+')}[$__range]))")],
        columns,
        (3, 6),
    ).transformations(only(columns))


def _progress() -> Panels:
    return [
        number(
            Words(
                "NLL",
                "The mean NLL of the last 100 steps, which the rules judge. Lower is not always better: the target is "
                "a band. A dash: the run has ended, has made fewer than 100 steps, or its loss is not finite.",
                EMPTY,
            ),
            "none",
            Query(f"max by (run) ({of_run('run:vae_nll:mean')})"),
            size=(4, 4),
            decimals=3,
            is_current=True,
        ),
        number(
            Words(
                "State",
                "The last state that the process reported. Lost: it disappeared without reporting that it ended.",
                "Not seen for a day",
            ),
            "none",
            Query(STATE_QUERY.format(runs=THIS_RUN)),
            [STATE],
            (4, 4),
            is_current=True,
        ),
        number(
            Words("Step", "The latest step of the run.", EMPTY),
            "none",
            Query(f"max by (run) ({of_run('run_rank:vae_step:max')})"),
            size=(4, 4),
            decimals=0,
        ),
        states(
            Words(
                "Verdict over time",
                "A good run goes from converging to healthy and stays there.",
                no_data.HUNDRED_STEPS,
            ),
            [VERDICT],
            [Query(f"max by (run) ({of_run('run:vae_verdict:code')})", "verdict")],
            (12, 4),
        ),
    ]


def _alert_history() -> statetimeline.Panel:
    return states(
        Words("Alert history", "When each alert fired.", "No alert fired in this time range."),
        [FIRING],
        [Query(or_none(FIRING_QUERY.format(runs=THIS_RUN), "alert"), "{{alert}}")],
        (24, 6),
    )


def _about() -> table.Panel:
    info = f"group without (instance, job) (last_over_time({of_run('vae_run_info')}[$__range]))"
    one = f"topk by (run, rank) (1, last_over_time({of_run('vae_loss_info')}[$__range]))"  # it may change with a weight
    judged = f"max by (run, rank, judged) ({one})"
    return rows(
        Words(
            "About",
            "What the run reports about itself, from TrainingExporter(info=, outputs_url=), and which loss is judged.",
            "The run was not seen in this time range.",
        ),
        [Query(f"{info} * on (run, rank) group_left (judged) {judged} or {info}")],
        [Column("outputs_url", "outputs_url", link=("Open", "${__value.raw}"), meaning=called("Open the outputs"))],
        (24, 4),
    ).transformations(
        [DataTransformerConfig(id_val="filterFieldsByName", options={"exclude": {"pattern": "^(Time|Value|run$)"}})]
    )
