"""Whether a GPU's memory is sufficient, judged by what torch's allocator holds."""

from __future__ import annotations

from textwrap import indent

from vae_rules.links import gpu_dashboard
from vae_rules.rule import Alert, Record, Section
from vae_rules.seen import PARTS, aggregated

_HELD = "run_gpu:vae_cuda_allocator:bytes"
_FLOOR = "run_gpu:vae_cuda_allocator_floor:bytes"
_GROWTH = "run_gpu:vae_cuda_allocator_floor:growth30m"
_PEAK = "run_gpu:vae_cuda_allocator:peak_bytes"
_RESERVED_PEAK = "run_gpu:vae_cuda_allocator:reserved_peak_bytes"
_IS_FRAGMENTED = (
    f"<<last_over_time({_RESERVED_PEAK}{{@run,@gpu}}[1d]) > $gpu_pieces * last_over_time({_PEAK}{{@run,@gpu}}[1d])>>"
)
_FRAGMENTED = (
    "The memory is fragmented: torch reserved {{ . | first | value | humanize1024 }}B. Set"
    " PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True before the run starts."
)

RECORDS = Section(
    "Memory",
    (
        Record(
            _HELD,
            "sum without (rank) (\n"
            + indent(aggregated("max by (run, rank, gpu, kind, stat)", "vae_cuda_allocator_bytes"), PARTS)
            + "\n)",
            "What torch holds of the GPU's memory, summed over all ranks on it",
            more_labels=("kind", "stat"),
        ),
        Record(
            "run_gpu:vae_cuda_allocator:present",
            f"group without (kind, stat) ({_HELD})",
            "1 while torch reports what it holds of the GPU's memory",
        ),
        Record(
            _PEAK,
            f'max without (kind, stat) ({_HELD}{{kind="allocated",stat="peak"}})',
            "The peak of the allocated memory",
        ),
        Record(
            _RESERVED_PEAK,
            f'max without (kind, stat) ({_HELD}{{kind="reserved",stat="peak"}})',
            "The peak of the reserved memory",
        ),
        Record(
            _FLOOR,
            f"""
            max without (kind, stat) (
              min_over_time({_HELD}{{kind="allocated",stat="current"}}[10m])
            )
            """,
            "The minimum that was allocated within 10 minutes",
        ),
        Record(
            _GROWTH,
            f"{_FLOOR} - last_over_time({_FLOOR}[5m] offset 30m)",
            "How much this minimum grew in the last half hour",
        ),
        Record(
            f"{_GROWTH}_before",
            f"last_over_time({_GROWTH}[5m] offset 30m)",
            "How much this minimum grew in the half hour before",
        ),
        Record(
            "run_gpu:vae_cuda_allocator_floor:slope",
            f"""
              (
                  {_GROWTH} < {_GROWTH}_before
                or
                  {_GROWTH}_before
              )
            / 1800
            """,
            "How fast this minimum grew, in bytes per second: the lower rate of the last two half hours",
            why="Memory that a training allocates when it starts is not a leak.",
        ),
        Record(
            "run_rank_gpu:vae_cuda_out_of_memory:max",
            aggregated("max by (run, rank, gpu)", "vae_cuda_allocator_out_of_memory_total"),
            "Out-of-memory errors of this process",
        ),
        Record(
            "run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds",
            """
              time() * (
                run_rank_gpu:vae_cuda_out_of_memory:max
                  > last_over_time(run_rank_gpu:vae_cuda_out_of_memory:max[2m] offset 15s)
              ) ^ 0
            or
              (
                last_over_time(run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds[1h]) > time() - $remembered
                unless
                  last_over_time(run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds[1h])
                    < on (run, rank) group_left ()
                      run_rank:vae_run_start:timestamp_seconds
              )
            or
              time() * (run_rank_gpu:vae_cuda_out_of_memory:max > 0) ^ 0
            """,
            "When the last out-of-memory error was seen",
            why=(
                "Kept for a day, or until a later process of the rank starts. Many ranks run out of memory in their "
                "first step, before the first scrape: then this is the time when the error was first seen."
            ),
        ),
    ),
)

PRESSURE = Section(
    "Why the memory may run out",
    (
        Record(
            "run_gpu:vae_gpu_memory_pressure:bool",
            f"""
              run_gpu:vae_cuda_allocator:present
            and
              {_PEAK} > $gpu_full * run_gpu:vae_gpu_memory_total:bytes
            """,
            "1 while the memory may run out, by cause: `peak`, `growth`, `retries`, `out_of_memory`",
            labels={"cause": "peak"},
        ),
        Record(
            "run_gpu:vae_gpu_memory_pressure:bool",
            f"""
              run_gpu:vae_cuda_allocator:present
            and
                {_FLOOR}
                  + $gpu_horizon * (min_over_time(run_gpu:vae_cuda_allocator_floor:slope[10m]) > 0)
              > $gpu_full * run_gpu:vae_gpu_memory_total:bytes
            """,
            why=(
                "Takes the lowest slope of 10 minutes. After a single rise, the 10-minute minimum catches up "
                "gradually, and a half hour that starts in between would count the rise twice."
            ),
            labels={"cause": "growth"},
        ),
        Record(
            "run_gpu:vae_gpu_memory_pressure:bool",
            """
              run_gpu:vae_cuda_allocator:present
            and
              max by (run, gpu) (increase(vae_cuda_allocator_retries_total[30m])) > 0
            """,
            labels={"cause": "retries"},
        ),
        Record(
            "run_gpu:vae_gpu_memory_pressure:bool",
            """
              run_gpu:vae_cuda_allocator:present
            and
              max without (rank) (run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds) > time() - $gpu_retry_age
            """,
            labels={"cause": "out_of_memory"},
        ),
    ),
)

OUT_OF_MEMORY = Alert(
    "VaeGpuOutOfMemory",
    "page",
    """
      max without (rank) (
          run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds
        unless
          run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds
            < on (run, rank) group_left ()
              run_rank:vae_last_step:timestamp_seconds
      )
    """,
    hold="1m",
    why="If the trainer catches the error and steps continue, as in a search for the largest batch, it is a ticket.",
    when="an allocation failed and the rank has made no step since, for 1 minute",
    clears="when the rank restarts or makes a step",
    summary="""
        Run {{ $labels.run }} ran out of memory on {{ $labels.gpu }} and has made no step since. Reduce its batch
        size, then resume it.
    """,
    description=f"""
        [[unless it reports]]
        An allocation failed
        {{{{- range $index, $rank := <<run_rank_gpu:vae_cuda_out_of_memory:timestamp_seconds{{@run,@gpu}}>> |
        sortByLabel "rank" }}}}
        {{{{- if $index }}}},{{{{ end }}}} in rank {{{{ .Labels.rank }}}} at [[time]]
        {{{{- end }}}}.
        {{{{- with <<last_over_time({_PEAK}{{@run,@gpu}}[1d])>> }}}} Peak memory use was
        {{{{ . | first | value | humanize1024 }}}}B
        {{{{- with <<last_over_time(run_gpu:vae_gpu_memory_total:bytes{{@run,@gpu}}[1d])>> }}}} of
        {{{{ . | first | value | humanize1024 }}}}B{{{{ end }}}}.
        {{{{- end }}}}
        {{{{- with {_IS_FRAGMENTED} }}}} {_FRAGMENTED}{{{{ end }}}}
        Use a smaller batch or shorter clips, accumulate gradients, or checkpoint activations. Check that no other
        process
        uses the GPU.
    """,
    dashboard=gpu_dashboard(f"{_HELD}{{@run,@gpu}}"),
)

MEMORY_PRESSURE = Alert(
    "VaeGpuMemoryPressure",
    "ticket",
    "group without (cause) (run_gpu:vae_gpu_memory_pressure:bool)",
    when="a GPU's memory is nearly full or will be within four hours, or allocations fail",
    clears="when none of these holds",
    summary="""
        Run {{ $labels.run }} may soon run out of memory on {{ $labels.gpu }}. Reduce its batch size when it next
        stops.
    """,
    description=f"""
        {{{{ with <<{_PEAK}{{@run,@gpu}} and ignoring (cause)
        run_gpu:vae_gpu_memory_pressure:bool{{@run,@gpu,cause="peak"}}>> -}}}}
        Peak memory use is {{{{ . | first | value | humanize1024 }}}}B, over 95 % of the GPU's memory
        {{{{- with <<run_gpu:vae_gpu_memory_total:bytes{{@run,@gpu}}>> }}}}
        ({{{{ . | first | value | humanize1024 }}}}B){{{{ end }}}}: a longer
        clip will not fit.
        {{{{ end -}}}}
        {{{{ with <<3600 * run_gpu:vae_cuda_allocator_floor:slope{{@run,@gpu}} and ignoring (cause)
        run_gpu:vae_gpu_memory_pressure:bool{{@run,@gpu,cause="growth"}}>> -}}}}
        Memory that is never freed grows by {{{{ . | first | value | humanize1024 }}}}B per hour
        {{{{- with <<($gpu_full * run_gpu:vae_gpu_memory_total:bytes{{@run,@gpu}} - {_FLOOR}) /
        run_gpu:vae_cuda_allocator_floor:slope>> }}}} and will fill 95 % of the
        GPU in {{{{ . | first | value | humanizeDuration }}}}{{{{ end }}}}: the code keeps something from step to step,
        such as losses with their graphs.
        {{{{ end -}}}}
        {{{{ with <<sum by (run, gpu) (increase(vae_cuda_allocator_retries_total{{@run,@gpu}}[30m])) and ignoring
        (cause) run_gpu:vae_gpu_memory_pressure:bool{{@run,@gpu,cause="retries"}}>> -}}}}
        [[first %.0f]] allocations in the last 30 minutes failed at first; the allocator freed its cache and retried,
        which
        is slow.
        {{{{ end -}}}}
        {{{{ with <<run_gpu:vae_gpu_memory_pressure:bool{{@run,@gpu,cause="out_of_memory"}}>> -}}}}
        It ran out of memory within the last 30 minutes.
        {{{{ end -}}}}
        {{{{ with {_IS_FRAGMENTED} -}}}} {_FRAGMENTED} {{{{ end -}}}}
        Use a smaller batch or shorter clips, or checkpoint activations.
    """,
    dashboard=gpu_dashboard(f"{_HELD}{{@run,@gpu}}"),
)
