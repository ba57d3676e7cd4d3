"""Alerts about one rank: it hangs, disappeared, is slow, or shares its name with another process."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert

STALLED = Alert(
    "VaeTrainingStalled",
    "page",
    "run_rank:vae_step:is_overdue and run_rank:vae_run_state:code == 0",
    hold="1m",
    why="Holds for a minute: a process that was stopped and continues needs time for its next step.",
    when="a rank runs, is not paused, and makes no step for $usual_steps usual step times and at least 10 minutes",
    clears="with the next step",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, stalled: no step for {{ humanizeDuration $value }}. Find where
        it hangs,
        then restart it.
    """,
    description="""
        The rank reports that it is running but has made no step for {{ humanizeDuration $value }}
        {{- with <<run_rank:vae_step_duration_seconds:mean{@run,@rank}>> }}; before that, it reported one every
        {{ . | first | value | humanizeDuration }}
        {{- else }}; no step has been timed yet
        {{- end }}
        {{- with <<max(last_over_time(vae_step{@run,@rank}[2m]))>> }}. Its last step was [[first %.0f]]{{ end }}.
        {{- with <<count(run_rank:vae_step:is_overdue{@run}) > 1>> }} [[first %.0f]] ranks of this run are overdue:
        one that hangs
        blocks all others.
        {{- end }}
        Run `py-spy dump` to see where it hangs before you kill it, then resume from the last checkpoint. If it was
        evaluating or saving, wrap that in `exporter.paused()`.
    """,
    dashboard=run_dashboard("run_rank:vae_step_age:seconds{@run}"),
)

DOWN = Alert(
    "VaeExporterDown",
    "page",
    "run_rank:vae_run:disappeared",
    hold="1m",
    when="no metrics arrive for a minute from a rank that was running or paused and did not report that it ended",
    clears="when its metrics arrive again",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, disappeared without reporting its end
        {{- range <<topk(1, last_over_time(vae_run_start_timestamp_seconds{@run,@rank}[1d]))>> }}[[pod reason]]
        {{- end }}. If it no longer runs, resume it.
    """,
    description="""
        {{ with <<topk(1, last_over_time(vae_run_start_timestamp_seconds{@run,@rank}[1d]))>> -}}
        {{ $process := first . -}}
        {{ $target := printf "up{job=%q,instance=%q}" ($process | label "job") ($process | label "instance") -}}
        {{ $process | label "instance" }}
        {{- with query $target -}}
        {{ if . | first | value }} answers, but another process has taken its port
        {{- else }} does not answer
        {{- end }}
        {{- else -}}
        {{ with printf "last_over_time(%s[1d])" $target | query }} is no longer a target of Prometheus
        {{- else }} no longer pushes its metrics
        {{- end }}
        {{- end }}.
        {{ end -}}
        This rank was last seen at {{ $value | humanizeTimestamp | reReplaceAll "([.]\\\\d+)? [+]0000" "" }}
        {{- with <<max(last_over_time(vae_step{@run,@rank}[1d]))>> }}, at step [[first %.0f]]{{ end }}. The process was
        killed (most often because it ran out of memory) or stopped, or its host or network is down. This rank is not
        judged until its metrics arrive again. If the process is gone, resume from the last checkpoint.
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
    when="a rank's steps take at least $straggler times the median of its run, for 10 minutes",
    clears="when they do not",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, is slow: {{ humanizeDuration $value }} per step. Check its GPU
        and its data loading.
    """,
    description="""
        Its mean step time over the last 10 minutes is {{ humanizeDuration $value }}
        {{- with <<quantile(0.5, run_rank:vae_step_duration_seconds:mean10m{@run})>> }}; the median of the ranks is
        {{ . | first | value | humanizeDuration }}{{ end }}.
        Ranks that wait for each other are as slow as the slowest one. Check this rank's GPU (clocks, temperature, other
        processes), the CPUs of its host and the storage that it reads from.
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
        "Holds for longer than a dead process can look alive: after a restart of Prometheus, its last samples are "
        "valid for 5 minutes."
    ),
    when="two live processes have the same run and rank, for 5 minutes",
    clears="when only one is left",
    summary="""
        Run {{ $labels.run }}, rank {{ $labels.rank }}, is exported by {{ $value }} live processes, so their
        values mix. Rename all but one.
    """,
    description=f"""
        These processes export rank {{{{ $labels.rank }}}} of run {{{{ $labels.run }}}}:
        {{{{- range $index, $process := <<max by (instance) ({_START}{{@run,@rank}} {_LIVES})>> | sortByLabel
        "instance" }}}}
        {{{{- if $index }}}},{{{{ end }}}} {{{{ .Labels.instance }}}} (since [[time]])
        {{{{- end }}}}. The means and the verdict of this run are meaningless until only one is left. If one was left
        running by mistake, stop it. To keep both, give one another name, for example with a date or a job ID. Ranks of
        one run need RANK or `rank=`.
    """,
    dashboard=run_dashboard("vae_step{@run,@rank}"),
)
