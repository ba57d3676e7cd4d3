"""What slows a card down."""

from __future__ import annotations

from vae_rules.links import gpu_dashboard
from vae_rules.rule import Alert, Record, Section

_REASONS = "hw_slowdown|hw_thermal_slowdown|hw_power_brake_slowdown|sw_thermal_slowdown"

RECORDS = Section(
    "Throttling",
    (
        Record(
            "run_gpu:vae_gpu_throttled:ratio10m",
            f"""
              max by (run, gpu, reason) (
                avg_over_time(
                  vae_gpu_throttled{{
                    reason=~"{_REASONS}"
                  }}[10m]
                )
              )
            and ignoring (reason)
              run_gpu:vae_gpu:present
            """,
            "The share of the last 10 minutes in which the card was throttled, or its memory too hot "
            "(`memory_temperature`)",
        ),
        Record(
            "run_gpu:vae_gpu_throttled:ratio10m",
            """
              avg_over_time((max by (run, gpu) (vae_gpu_memory_temperature_celsius) >= bool $gpu_memory_hot)[10m:15s])
            and
              run_gpu:vae_gpu:present
            """,
            labels={"reason": "memory_temperature"},
        ),
    ),
)

THROTTLED = Alert(
    "VaeGpuThrottled",
    "ticket",
    "max without (reason) (run_gpu:vae_gpu_throttled:ratio10m >= $gpu_throttled)",
    hold="5m",
    why="A card that touches its limit for a moment works as it should.",
    when=(
        "a card is throttled by heat or power limits, or its memory is at 95 °C: half of the last 10 minutes, "
        "for 5 minutes"
    ),
    clears="when it is not",
    summary="""
        Run {{ $labels.run }}: {{ $labels.gpu }} is throttled by heat or power limits. Check its cooling and its power
        supply.
    """,
    description="""
        [[card]]
        In the last 10 minutes:
        {{- range $index, $reason := <<100 * (run_gpu:vae_gpu_throttled:ratio10m{@run,@gpu} >= $gpu_throttled)>>
        | sortByLabel "reason" }}
        {{- if $index }},{{ end }} {{ printf "%.0f" .Value }} % {{ if eq .Labels.reason "memory_temperature" }}with
        its memory at $gpu_memory_hot °C or more{{ else }}{{ .Labels.reason }}{{ end }}
        {{- end }}.
        {{- with <<max(last_over_time(vae_gpu_temperature_celsius{@run,@gpu}[2m]))>> }} The GPU is at [[first %.0f]] °C
        {{- with <<max(last_over_time(vae_gpu_memory_temperature_celsius{@run,@gpu}[2m]))>> }}, its memory at
        [[first %.0f]] °C{{ end }}.
        {{- end }}
        Each step takes longer, and all other ranks wait for this one. Heat: check fans, filters, air flow and the
        neighbouring
        cards. Power brake: check the power supplies of the host.
    """,
    dashboard=gpu_dashboard("run_gpu:vae_gpu_throttled:ratio10m{@run,@gpu}"),
)
