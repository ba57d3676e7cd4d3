"""GPU errors: when they happened, which faults remain, and which may explain a loss that goes wrong."""

from __future__ import annotations

from vae_rules.links import gpu_dashboard
from vae_rules.rule import Alert, Record, Section
from vae_rules.seen import aggregated

FATAL_XIDS = "46|48|62|64|74|79|95|109|119|120|140|158"
"""The XID errors after which NVIDIA's catalog says to reset an A100 or restart its host; listed in docs/gpu.md."""

PROGRAM_XIDS = "13|31|43|45"
"""The XID errors that programs cause."""

_RESTART = (
    '<<run_gpu:vae_gpu_fault:timestamp_seconds{@run,@gpu,fault="lost"}'
    ' or last_over_time(run_gpu:vae_gpu_fatal_xid_errors:max{@run,@gpu,xid="79"}[1d])>>'
)
_REPLACE = '<<run_gpu:vae_gpu_fault:timestamp_seconds{@run,@gpu,fault="row_remap_failed"}>>'

RECORDS = Section(
    "Errors",
    (
        Record(
            "run_gpu:vae_gpu_errors:sum",
            aggregated("max by (run, gpu)", 'vae_gpu_ecc_errors_total{type="uncorrected"}'),
            "Hardware errors of the GPU so far: `ecc`, `xid`, `row_remap`",
            labels={"event": "ecc"},
        ),
        Record(
            "run_gpu_xid:vae_gpu_errors:max",
            aggregated("max by (run, gpu, xid)", f'vae_gpu_xid_errors_total{{xid!~"{PROGRAM_XIDS}"}}'),
            "XID errors of the GPU, without those that programs cause",
        ),
        Record(
            "run_gpu:vae_gpu_errors:sum",
            "sum without (xid) (run_gpu_xid:vae_gpu_errors:max) or run_gpu:vae_gpu:present * 0",
            why="An XID is exported only after it first occurs, so before that the count is 0.",
            labels={"event": "xid"},
        ),
        Record(
            "run_gpu_type:vae_gpu_remapped_rows:max",
            aggregated("max by (run, gpu, type)", "vae_gpu_remapped_rows"),
            "Remapped memory rows, by type of error",
        ),
        Record(
            "run_gpu:vae_gpu_row_remap_pending:max",
            aggregated("max by (run, gpu)", "vae_gpu_row_remap_pending"),
            "1 while a row remap waits for a reset",
        ),
        Record(
            "run_gpu:vae_gpu_errors:sum",
            "sum without (type) (run_gpu_type:vae_gpu_remapped_rows:max or run_gpu:vae_gpu_row_remap_pending:max)",
            labels={"event": "row_remap"},
        ),
        Record(
            "run_gpu:vae_gpu_event:timestamp_seconds",
            """
              time() * (run_gpu:vae_gpu_errors:sum > last_over_time(run_gpu:vae_gpu_errors:sum[2m] offset 15s)) ^ 0
            or
              time() * (
                  run_gpu:vae_gpu_errors:sum{event="xid"} > 0
                unless
                  last_over_time(run_gpu:vae_gpu_errors:sum{event="xid"}[1h] offset 15s)
              ) ^ 0
            or
              last_over_time(run_gpu:vae_gpu_event:timestamp_seconds[1h]) > time() - $remembered
            """,
            "When the last error of each kind was seen; kept for a day",
            more_labels=("event",),
            why="An XID from before the first scrape counts as of when it is first seen. x ^ 0 is 1.",
        ),
        Record(
            "run:vae_run:must_stop_for10m",
            """
              min_over_time(run:vae_nll_diverged:bool[10m]) == 1
            or
              min_over_time(run:vae_loss_nonfinite:bool[10m]) == 1
            """,
            "Present once a page about the loss has fired for 10 minutes",
        ),
        Record(
            "run_gpu:vae_gpu_suspect:timestamp_seconds",
            """
              (run_gpu:vae_gpu_event:timestamp_seconds > time() - $gpu_suspect)
                unless on (run) run:vae_run:must_stop_for10m
            or
              last_over_time(run_gpu:vae_gpu_suspect:timestamp_seconds[2m])
                and on (run) run:vae_run:must_stop
            """,
            "The GPU errors that may explain a loss that goes wrong: those of the last 10 minutes or, while a page "
            "about the loss fires, those from 10 minutes before it until 10 minutes into it",
            more_labels=("event",),
        ),
    ),
)

FAULTS = Section(
    "GPU faults",
    (
        Record(
            "run_gpu:vae_gpu_fatal_xid_errors:max",
            aggregated("max by (run, gpu, xid)", f'vae_gpu_xid_errors_total{{xid=~"{FATAL_XIDS}"}}'),
            "XID errors after which the GPU must be reset or its host restarted",
            more_labels=("xid",),
        ),
        Record(
            "run_gpu:vae_gpu_fault:bool",
            "group without (xid) (run_gpu:vae_gpu_fatal_xid_errors:max > 0) or run_gpu:vae_gpu:present * 0",
            "1 while a fault is present, otherwise 0: `fatal_xid`, `lost`, `row_remap_failed`",
            labels={"fault": "fatal_xid"},
        ),
        Record(
            "run_gpu:vae_gpu_fault:bool",
            aggregated("max by (run, gpu)", "vae_gpu_lost"),
            labels={"fault": "lost"},
        ),
        Record(
            "run_gpu:vae_gpu_fault:bool",
            aggregated("max by (run, gpu)", "vae_gpu_row_remap_failed"),
            labels={"fault": "row_remap_failed"},
        ),
        Record(
            "run_gpu:vae_gpu_fault:timestamp_seconds",
            """
              time() * (run_gpu:vae_gpu_fault:bool == 1)
            or
              (
                  last_over_time(run_gpu:vae_gpu_fault:timestamp_seconds{fault!="uncorrected_ecc"}[1h])
                    > time() - $remembered
                    unless run_gpu:vae_gpu_fault:bool == 0
                or
                  max without (event) (
                    label_replace(
                      run_gpu:vae_gpu_event:timestamp_seconds{event="ecc"}, "fault", "uncorrected_ecc", "", ""
                    )
                  )
              )
                >= on (gpu) group_left () gpu:vae_run_start:timestamp_seconds
            """,
            "When each of these faults, or `uncorrected_ecc`, was last seen",
            more_labels=("fault",),
            why=(
                "Kept for a day, until the fault is reported as gone, or until a later process is seen on the GPU. "
                "An uncorrectable error that occurred while the run was watched is kept as well: only a reset "
                "clears its count."
            ),
        ),
    ),
)

FAILING = Alert(
    "VaeGpuFailing",
    "page",
    "max by (run, gpu) (run_gpu:vae_gpu_fault:timestamp_seconds)",
    when="a GPU has an uncorrectable error, a row that cannot be remapped or a fatal XID, or is lost",
    clears="when the fault is reported as gone, or a later process is seen on the GPU",
    summary=f"""
        Run {{{{ $labels.run }}}}: {{{{ $labels.gpu }}}} is failing (
        {{{{- range $index, $fault := <<run_gpu:vae_gpu_fault:timestamp_seconds{{@run,@gpu}}>> | sortByLabel "fault"
        }}}}
        {{{{- if $index }}}}, {{{{ end }}}}{{{{ .Labels.fault | reReplaceAll "_" " " }}}}
        {{{{- end }}}}). Stop the run and {{{{ with {_REPLACE} }}}}have the GPU replaced

        {{{{- else }}}}{{{{ with {_RESTART} }}}}restart its host
        {{{{- else }}}}reset the GPU{{{{ end }}}}{{{{ end }}}}.
    """,
    description=f"""
        {{{{ with <<last_over_time(vae_gpu_info{{@run,@gpu}}[1d])>> | sortByLabel "instance" -}}}}
        This is GPU {{{{ . | first | label "index" }}}} of {{{{ . | first | label "instance" }}}},
        {{{{ . | first | label "name" }}}}.
        {{{{ end -}}}}
        {{{{ range <<run_gpu:vae_gpu_fault:timestamp_seconds{{@run,@gpu}}>> | sortByLabel "fault" -}}}}
        {{{{ if eq .Labels.fault "uncorrected_ecc" }}}}Uncorrectable memory error

        {{{{- else if eq .Labels.fault "row_remap_failed" }}}}Memory row that could not be remapped

        {{{{- else if eq .Labels.fault "lost" }}}}Lost by the driver

        {{{{- else }}}}XID
        {{{{- range $index, $xid := <<last_over_time(run_gpu:vae_gpu_fatal_xid_errors:max{{@run,@gpu}}[1d])>>
        | sortByLabel "xid" }}}}{{{{ if $index }}}},{{{{ end }}}} {{{{ .Labels.xid }}}}{{{{ end }}}}
        {{{{- end }}}}, last seen at [[time]].
        {{{{ end -}}}}
        Do not trust its results. Stop the run and resume from an earlier checkpoint on another GPU.
        {{{{- with {_REPLACE} }}}} A reset does not repair this GPU: have it replaced.
        {{{{- else }}}}
        {{{{- with {_RESTART} }}}} Restart its host; if the GPU is lost again, have it replaced.
        {{{{- else }}}} Reset it (`nvidia-smi --gpu-reset`); if it fails again, have it replaced.
        {{{{- end }}}}
        {{{{- end }}}}
    """,
    dashboard=gpu_dashboard("run_gpu:vae_gpu_errors:sum{@run,@gpu}"),
)

ROW_REMAP_PENDING = Alert(
    "VaeGpuRowRemapPending",
    "ticket",
    "run_gpu:vae_gpu_row_remap_pending:max == 1",
    when="a row remap of a GPU waits for a reset",
    clears="when the GPU has been reset",
    summary="""
        Run {{ $labels.run }}: {{ $labels.gpu }} has a faulty memory row, which a reset remaps. Reset it when the
        run stops.
    """,
    description="""
        [[card]]
        The driver no longer uses the row, so the run may continue. When the run next stops, reset the GPU before you
        resume: `nvidia-smi --gpu-reset`.
        {{- with <<run_gpu_type:vae_gpu_remapped_rows:max{@run,@gpu,type="uncorrected"} > 0>> }} Rows with
        uncorrectable errors so far: [[first %.0f]].{{ end }}
    """,
    dashboard=gpu_dashboard("run_gpu:vae_gpu_errors:sum{@run,@gpu}"),
)
