"""Whether the exporter publishes the metrics that these rules read."""

from __future__ import annotations

from vae_rules.links import run_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "The version of the exporter",
    (
        Record(
            "run:vae_exporter:is_misfit",
            "max without (rank) (run_rank:vae_exporter:metrics_version != $metrics_version)",
            "The version of the metrics of an exporter that these rules are not made for",
            why="Exporters and rules of neighbouring versions meet wherever a training outlives an update.",
        ),
    ),
)

ALERT = Alert(
    "VaeExporterVersion",
    "ticket",
    "run:vae_exporter:is_misfit",
    hold="1m",
    why="Holds for a minute: a run that resumes with another version has both for a moment.",
    when="an exporter publishes another version of the metrics than $metrics_version, which the rules read; for 1 "
    "minute",
    clears="when it publishes the version that the rules read",
    summary="""
        Run {{ $labels.run }}: its exporter is too {{ if lt $value $metrics_version.0 }}old{{ else }}new{{ end }} for
        these rules, and alerts may be wrong. Update
        {{- if lt $value $metrics_version.0 }} it before the run resumes.{{ else }} the rules.{{ end }}
    """,
    description="""
        The exporter publishes version {{ printf "%.0f" $value }} of the metrics, and the rules read version
        $metrics_version.
        {{- with <<max by (version) (last_over_time(vae_exporter_build_info{@run}[2m]))>> | sortByLabel "version" }}
        It is vae-exporter{{ range $index, $one := . }}{{ if $index }},{{ end }} {{ .Labels.version }}{{ end }}.
        {{- end }}
        {{- if lt $value $metrics_version.0 }} Until this run ends, read its curves: its exporter cannot be replaced
        while it trains. If several runs are this old, go back to the rules of their version until they have ended.
        {{- else }} Install the rules of that version, and restart or reload Prometheus. They report the runs that are
        too old for them.
        {{- end }}
    """,
    dashboard=run_dashboard("run_rank:vae_exporter:metrics_version{@run}"),
)
