"""The text of alerts: templates in which ``[[name]]`` stands for a part that several alerts share.

A part that may be empty trims the space before it, so it leaves no gap. ``<<PROMQL>>`` is a query: see
`vae_rules.identity`.
"""

from __future__ import annotations

import re

from vae_exporter.vocabulary import COMPONENTS, NLL_PARTS

_PART = re.compile(r"\[\[(.+?)\]\]")
_FIRST = re.compile(r"first (%\S+)")


def last(series: str) -> str:
    """Return the PromQL of a run's *series* now; once the run is no longer scraped, its last values.

    An alert may outlive its run by a day and a quarter of an hour: see `vae_rules.training.memory`.
    """
    return f"{series}{{@run}} or last_over_time({series}{{@run}}[25h]) unless on (run) run:vae_run:present{{@run}}"


def _if_it_grew(part: str) -> str:
    return f"""
        {{{{- with <<run:vae_nll_rise_cause{{@run,cause="{part}"}}>> }}}} Most of the rise comes from
        {part}: {COMPONENTS[part].failure}.{{{{ end }}}}
        """


# "pod reason" is empty unless kube-state-metrics is scraped. Its `.` is a series of a process. A container that has
# restarted keeps the reason of its previous end, which counts if it ended after the process was last seen.
_PARTS = {
    "value": '{{ printf "%.3g" $value }}',
    "time": '{{ .Value | humanizeTimestamp | reReplaceAll "([.]\\\\d+)? [+]0000" "" }}',
    "first time": '{{ . | first | value | humanizeTimestamp | reReplaceAll "([.]\\\\d+)? [+]0000" "" }}',
    "unless it reports": """
        {{ with <<run:vae_run:present{@run}>> }}{{ else -}} This run no longer reports; these are its last values.
        {{ end -}}
        """,
    "step": "{{- with <<run:vae_step:max{@run}>> }}; step [[first %.0f]]{{ end }}",
    "last step": "{{- with <<last_over_time(run:vae_step:max{@run}[25h])>> }}; step [[first %.0f]]{{ end }}",
    "learning rate": "{{- with <<run:vae_learning_rate:max{@run}>> }}, learning rate [[first %.3g]]{{ end }}",
    "last learning rate": """
        {{- with <<last_over_time(run:vae_learning_rate:max{@run}[25h])>> }}, learning rate [[first %.3g]]{{ end }}""",
    "the run before": """
        {{- with <<run:vae_baseline:mean{@run}>> }}; the run before had [[first %.3g]] here{{ end }}""",
    "as the run before": """
        {{- with <<run:vae_baseline:mean{@run}>> }}, as in the run before{{ end }}""",
    "hard data": """
        {{- with <<run:vae_probe:is_calm{@run}>> }} The NLL of the probe clip did not rise: the data are hard, and the
        model is no worse.
        {{- else }}
        {{- with <<run:vae_baseline:mean{@run}>> }} The run before rose here as well, to [[first %.3g]]
        {{- with <<run:vae_baseline_growth:ratio{@run}>> }}, [[first %.2g]] times its level,{{ end }} and fell back: the
        data are hard.
        {{- end }}
        {{- end }} If the outputs look good, let the run continue; this alert then resolves. Otherwise stop the run.
        """,
    "part that grew": "\n".join(map(_if_it_grew, NLL_PARTS)),
    "last steps": """
        {{- with <<last_over_time(run:vae_loss_window:steps{@run}[25h])>> }} of the last [[first %.0f]] steps
        {{- end }}""",
    "level": """
        {{- with <<last_over_time(run:vae_nll:level{@run}[25h])>> }}; the level it held was [[first %.3g]]{{ end }}""",
    "groups": """
        {{- range $index, $group := <<sort_desc(run_group:vae_nll:rise_ratio{@run})>> }}
        {{- if $index }}, {{ else }} Groups that rose: {{ end }}
        {{- .Labels.group }} ({{ printf "%.2g" .Value }} times its level)
        {{- end }}
        {{- with <<count(run_group:vae_nll:rise_ratio{@run})>> }}.{{ end }}""",
    "judged": """
        {{- with <<last_over_time(vae_loss_info{@run,judged!="nll"}[25h])>> | sortByLabel "judged" }} The judged loss is
        {{ . | first | label "judged" }}.{{ end }}""",
    "no group": """
        {{- with <<run_group:vae_nll:rise_ratio{@run}>> }}{{ else }} Batches from a harder bucket look the same: pass
        group= to observe().{{ end }}""",
    "changes": """
        {{- range $index, $change := <<sort(bottomk(2, run_change:vae_nll_rise:distance_steps{@run}))>> }}
        {{- if $index }}, {{ else }} Changed before the rise: {{ end }}
        {{- .Labels.change | reReplaceAll "_" " " }} ({{ printf "%.0f" .Value }} steps before)
        {{- end }}
        {{- with <<count(run_change:vae_nll_rise:distance_steps{@run})>> }}.{{ end }}""",
    "no probe": """
        {{- with <<run:vae_probe_growth:ratio{@run} or run:vae_baseline:mean{@run}>> }}{{ else }} A long stretch of
        hard data looks the same. Add a probe (observe_probe) to tell them apart.{{ end }}
        """,
    "gpu error": """
        {{- with <<run_gpu:vae_gpu_suspect:timestamp_seconds{@run}>> | sortByLabel "gpu" }} A GPU reported an error at
        about the same time:
        {{- range $index, $event := . }}{{ if $index }},{{ end }} {{ .Labels.gpu }}
        ({{ .Labels.event | reReplaceAll "_" " " }}, [[time]]){{ end }}. Check the hardware first.{{ end }}
        """,
    "pod reason": """
        {{- with <<last_over_time({__name__=~"kube_pod_(status|container_status_terminated)_reason", @.namespace, @.pod,
        reason!~"Completed|Error"}[5m]) == 1
        or last_over_time(kube_pod_container_status_last_terminated_reason{@.namespace, @.pod,
        reason!~"Completed|Error"}[5m]) == 1
        and on (container)
        last_over_time(kube_pod_container_status_last_terminated_timestamp{@.namespace, @.pod}[5m])
        > @value - $pod_delay>> }} ({{ . | first | label "reason" }}){{ end }}
        """,
    "card": """
        {{ with <<last_over_time(vae_gpu_info{@run,@gpu}[2m])>> | sortByLabel "instance" -}} This is GPU
        {{ . | first | label "index" }} of {{ . | first | label "instance" }}, {{ . | first | label "name" }}.
        {{ end -}}
        """,
}

OUTPUTS = (
    '{{ with <<last_over_time(vae_run_info{@run,outputs_url!=""}[2m])'
    ' or last_over_time(vae_run_info{@run,outputs_url!=""}[25h]) unless on (run) run:vae_run:present>> }}'
    '{{ . | first | label "outputs_url" }}{{ end }}'
)
"""The address of the run's reconstructions; empty if the run did not set one."""


def with_parts(text: str) -> str:
    """Return *text* with each ``[[name]]`` replaced by the shared part of that name.

    Raises:
        KeyError: There is no such part.
    """

    def part(found: re.Match[str]) -> str:
        first = _FIRST.fullmatch(found[1])
        return f'{{{{ . | first | value | printf "{first[1]}" }}}}' if first else with_parts(_PARTS[found[1]])

    return _PART.sub(part, text)
