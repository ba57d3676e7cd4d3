"""Whether a GPU is throttled."""

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
            "The share of the last 10 minutes during which the GPU was throttled, or its memory too hot "
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
    why="A GPU that briefly touches its limit is healthy.",
    when=(
        "a GPU is throttled by heat or power limits, or its memory is at 95 °C or more, for half of the last "
        "10 minutes; for 5 minutes"
    ),
    clears="when it no longer is",
    summary="""
        Run {{ $labels.run }}: {{ $labels.gpu }} is throttled by heat or power limits. Check its cooling and power
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
        Steps take longer, and all other ranks wait for this one. For heat, check fans, filters, air flow and the
        neighboring GPUs. For a power brake, check the power supplies of the host.
    """,
    dashboard=gpu_dashboard("run_gpu:vae_gpu_throttled:ratio10m{@run,@gpu}"),
)
