"""The GPUs that the runs export, and whether they are still read."""

from __future__ import annotations

from vae_rules.links import gpu_dashboard
from vae_rules.rule import Alert, Record, Section

RECORDS = Section(
    "The GPUs",
    (
        Record(
            "run_gpu:vae_gpu:present",
            "group by (run, gpu) (last_over_time(vae_gpu_info[2m]))",
            "1 while a process of the run exports the GPU",
        ),
        Record(
            "run_gpu:vae_gpu_memory_total:bytes",
            "max by (run, gpu) (last_over_time(vae_gpu_memory_total_bytes[2m]))",
            "The memory of the GPU",
        ),
        Record(
            "gpu:vae_run_start:timestamp_seconds",
            """
              max by (gpu) (
                  max by (run, rank, gpu) (last_over_time(vae_gpu_info[2m]))
                * on (run, rank) group_left ()
                  run_rank:vae_run_start:timestamp_seconds
              )
            or
                last_over_time(gpu:vae_run_start:timestamp_seconds[1h])
              and on (gpu)
                last_over_time(
                  {__name__=~"run_gpu:vae_gpu_event:timestamp_seconds|run_gpu:vae_gpu_fault:timestamp_seconds"}[1h]
                )
            """,
            "When the newest process of any run that exports the GPU started. Kept while an error of the GPU "
            "is remembered",
        ),
    ),
)

SAMPLE_STALE = Alert(
    "VaeGpuSampleStale",
    "ticket",
    """
        time()
      -
        max by (run, gpu) (
            last_over_time(vae_gpu_sample_timestamp_seconds[2m])
          - on (run, rank) group_left ()
            run_rank:vae_clock_offset:seconds
        )
      > $gpu_stale
    unless ignoring (fault)
      run_gpu:vae_gpu_fault:bool{fault="lost"} == 1
    and on (run)
      last_over_time(vae_run_state{state=~"running|paused"}[2m]) == 1
    """,
    when="a GPU has not been read for 3 minutes while its run is alive",
    clears="when it is read again",
    summary="""
        Run {{ $labels.run }}: {{ $labels.gpu }} has not been read for {{ humanizeDuration $value }}. Its driver
        hangs or fails: check nvidia-smi.
    """,
    description="""
        [[card]]
        The run is still scraped, but all values of this GPU are that old, and no alert watches it. On its host, run
        `timeout 20 nvidia-smi` and search `dmesg` for NVRM and Xid. The training's log has the driver's error.
    """,
    dashboard=gpu_dashboard("vae_gpu_sample_timestamp_seconds{@run,@gpu}"),
    why=(
        "Longer than the two minutes that signals look back plus the longest sampling interval, so a dying process "
        "is not reported as a stale GPU."
    ),
)
