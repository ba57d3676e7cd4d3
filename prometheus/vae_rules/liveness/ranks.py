"""Alerts about one rank: it hangs, it is gone, it is slow, or its name is taken."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert

STALLED = Alert(
    "VaeTrainingStalled",
    "page",
    "run_rank:vae_step:is_overdue and run_rank:vae_run_state:code == 0",
    hold="1m",
    why="For a minute: a process that was stopped and continues needs a moment for its next step.",
    when="a rank runs, is not paused, and makes no step for $usual_steps usual ones, and for 10 minutes at least",
    clears="with the next step",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, stalled: no step for {{ humanizeDuration $value }}. Find where
        it hangs,
        then restart it.
    """,
    description="""
        The rank reports that it is running and has made no step for {{ humanizeDuration $value }}
        {{- with <<run_rank:vae_step_duration_seconds:mean{@run,@rank}>> }}; it used to report one every
        {{ . | first | value | humanizeDuration }}
        {{- else }}; none was timed before
        {{- end }}
        {{- with <<max(last_over_time(vae_step{@run,@rank}[2m]))>> }}. Its last step was [[first %.0f]]{{ end }}.
        {{- with <<count(run_rank:vae_step:is_overdue{@run}) > 1>> }} [[first %.0f]] ranks of this run are overdue:
        one that hangs
        holds up all others.
        {{- end }}
        It holds its GPU without making progress. Look at its stack with `py-spy dump` before you kill it, and resume
        from the
        last checkpoint. If it was evaluating or saving, wrap that in `exporter.paused()`.
    """,
    dashboard=run_dashboard("run_rank:vae_step_age:seconds{@run}"),
)

DOWN = Alert(
    "VaeExporterDown",
    "page",
    "run_rank:vae_run:disappeared",
    hold="1m",
    when="a rank that ran or paused is not scraped for a minute and did not report that it ended",
    clears="when it is scraped again",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, disappeared without reporting that it ended. Check whether it
        runs; if not, resume it.
    """,
    description="""
        {{ with <<topk(1, last_over_time(vae_run_start_timestamp_seconds{@run,@rank}[1d]))>> -}}
        {{ $process := first . -}}
        {{ with printf "up{job=%q,instance=%q}" ($process | label "job") ($process | label "instance") | query -}}
        {{ $process | label "instance" }}
        {{- if . | first | value }} answers, but for another run: another process has its port
        {{- else }} does not answer
        {{- end }}
        {{- else -}}
        {{ $process | label "instance" }} is no longer a target of Prometheus
        {{- end }}.
        {{ end -}}
        This rank was last scraped at {{ $value | humanizeTimestamp | reReplaceAll "([.]\\\\d+)? [+]0000" "" }}
        {{- with <<max(last_over_time(vae_step{@run,@rank}[1d]))>> }}, at step [[first %.0f]]{{ end }}. The process
        was killed
        (most often out of memory) or stopped, or its host or network is down. Nothing judges this rank until it is
        scraped
        again. If the process is gone, resume from the last checkpoint.
    """,
    dashboard=run_dashboard("run_rank:vae_run_state:code{@run}"),
)

STRAGGLER = Alert(
    "VaeRankStraggler",
    "ticket",
    """
      run_rank:vae_step_duration_seconds:mean10m
    >= on (run) group_left ()
      ($straggler * quantile by (run) (0.5, run_rank:vae_step_duration_seconds:mean10m))
    """,
    hold="10m",
    when="a rank's steps take $straggler times the median of its run, for 10 minutes",
    clears="when they do not",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, is slow: {{ humanizeDuration $value }} a step. Check its GPU
        and its data loading.
    """,
    description="""
        Its mean step over the last 10 minutes took {{ humanizeDuration $value }}
        {{- with <<quantile(0.5, run_rank:vae_step_duration_seconds:mean10m{@run})>> }}; the median of the ranks is
        {{ . | first | value | humanizeDuration }}{{ end }}.
        Ranks that wait for each other are as slow as the slowest. Check this rank's GPU (clocks, temperature, other
        processes), the CPUs of its host, and where it reads its data from.
    """,
    dashboard=run_dashboard("run_rank:vae_step_duration_seconds:mean10m{@run}"),
)

_START = "vae_run_start_timestamp_seconds"
_LIVES = 'and ignoring (state) vae_run_state{state=~"running|paused"} == 1'

NAME_TAKEN = Alert(
    "VaeRunNameTaken",
    "ticket",
    f"""
      count by (run, rank) (
        count_values by (run, rank) (
          "start",
          {_START}
            {_LIVES}
        )
      )
    > 1
    """,
    hold="5m",
    why=(
        "For longer than a dead process can seem alive: after a restart of Prometheus, its last samples are "
        "valid for 5 minutes."
    ),
    when="two live processes have the same run and rank, for 5 minutes",
    clears="when one is left",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, is the name of {{ $value }} live processes, whose values mix.
        Rename all but one.
    """,
    description=f"""
        These processes export rank {{{{ $labels.rank }}}} of run {{{{ $labels.run }}}}:
        {{{{- range $index, $process := <<max by (instance) ({_START}{{@run,@rank}} {_LIVES})>> | sortByLabel
        "instance" }}}}
        {{{{- if $index }}}},{{{{ end }}}} {{{{ .Labels.instance }}}} (since [[time]])
        {{{{- end }}}}. The means and the verdict of this run are meaningless until only one is left. If one of them was
        forgotten, end it. If you want both, give one another name, for example with a date or a job ID. Ranks of one
        run need
        RANK or `rank=`.
    """,
    dashboard=run_dashboard("vae_step{@run,@rank}"),
)
