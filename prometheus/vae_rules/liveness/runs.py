"""Alerts about a run that ended badly."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert

_ENDED = """
        {{- range $index, $rank := <<run_rank:vae_run_state:code{@run} == CODE>> | sortByLabel "rank" }}
        {{- if $index }},{{ end }} rank {{ .Labels.rank }}
        {{- range <<topk(1, last_over_time(vae_run_end_timestamp_seconds{@run,@.rank}[1d]) > 0)>> }} at
        [[time]][[pod reason]]{{- end }}
        {{- end }}
        {{- with <<max(last_over_time(vae_step{@run}[1d]))>> }}; step [[first %.0f]]{{ end }}.
"""

FAILED = Alert(
    "VaeRunFailed",
    "page",
    "max by (run) (run_rank:vae_run_alive:timestamp_seconds and run_rank:vae_run_state:code == 4)",
    when="a rank ended with an exception or without `close()`",
    clears="when the run runs again",
    summary="""
        Run {{ $labels.run }} failed. Read its log, then resume it from its last checkpoint.
    """,
    description=f"""
        It ended with an exception or without exporter.close():
        {_ENDED.replace("CODE", "4")}
        The end of its log has the reason.
        {{{{- with <<count(run_rank:vae_run_state:code{{@run}} <= 1)>> }}}} [[first %.0f]] of its ranks did not report
        that
        they ended. If they still run, stop them first.{{{{ end }}}}
        This alert fires for a day or until the run is back.
    """,
    dashboard=run_dashboard("run_rank:vae_run_state:code{@run}"),
)

TERMINATED = Alert(
    "VaeRunTerminated",
    "ticket",
    """
      max by (run) (run_rank:vae_run_alive:timestamp_seconds and run_rank:vae_run_state:code == 3)
    unless
      max by (run) (run_rank:vae_run_state:code == 4)
    unless
      run:vae_run:must_stop
    """,
    why=(
        "If one rank fails, its launcher terminates the others. VaeRunFailed already pages for that. A page about the "
        "loss asks to stop the run, so its end is no news."
    ),
    when="the run was ended by SIGTERM or SIGINT, no rank failed, and no page about its loss fires",
    clears="when the run runs again",
    summary="""
        Run {{ $labels.run }} was terminated by a signal. If you did not send it, resume the run.
    """,
    description=f"""
        It received SIGTERM or SIGINT, for example from a scheduler that preempted it or enforced a time limit:
        {_ENDED.replace("CODE", "3")}
        Check whether it is already queued again. This alert fires for a day or until the run is back.
    """,
    dashboard=run_dashboard("run_rank:vae_run_state:code{@run}"),
)
