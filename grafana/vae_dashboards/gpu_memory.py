"""GPU memory: what uses the memory of each GPU, and the GPU's health."""

from __future__ import annotations

from vae_dashboards.board import Board, Panels, Row, named_choice, runs
from vae_dashboards.looks import dashed, fixed
from vae_dashboards.meanings import ORANGE, RED, YES_NO, count_of
from vae_dashboards.panels import Words, curves, gauges, number, stacked, states
from vae_dashboards.queries import Query, gpu_names, held, of_gpu, of_run, or_none, with_card
from vae_dashboards.tables import RUN, Column, joined, only, rows

NO_GPU = "No selected run uses an NVIDIA GPU, or the driver does not respond."
NOT_HERE = "This GPU or MIG slice does not report it."


def gpu_memory() -> Board:
    """Return the dashboard of the GPUs."""
    return Board(
        uid="gpu-memory",
        title="GPU memory",
        description="The GPUs of the selected runs: what uses their memory, how fragmented it is, and their health.",
        variables=[
            runs(everything=True),
            named_choice(
                "gpu",
                "GPU",
                "The host, the index and the first digits of the UUID. Selected by UUID, because indices change with "
                "CUDA_VISIBLE_DEVICES.",
                gpu_names(f"last_over_time({of_run('vae_gpu_info')}[$__range])"),
                text="card",
            ),
        ],
        rows=[
            Row("All GPUs", _devices()),
            Row("GPU ${gpu:text}", _card(), repeat="gpu"),
            Row("Health of the selected GPUs", _health()),
        ],
    )


def _devices() -> Panels:
    columns = [
        Column("card", "GPU", width=230),
        Column("name", "Model", width=220),
        Column("mig_profile", "MIG", width=80),
        RUN,
        Column("Value #total", "Memory", unit="bytes", decimals=0, width=90),
        Column("Value #used", "Used", unit="percentunit", decimals=0, width=75),
        Column("Value #peak", "Torch peak", unit="percentunit", decimals=0, width=105),
        Column("Value #age", "Sample age", unit="s", decimals=0, width=105),
        Column("Value #lost", "Lost", meaning=YES_NO, colored=True, width=75),
        Column("Value #remap", "Reset due", meaning=YES_NO, colored=True, width=95),
    ]
    total = f"max by (gpu) ({of_gpu('vae_gpu_memory_total_bytes')})"
    peak = f"{held('reserved', 'peak')} / {total}"
    now = [
        Query(with_card(f"group by (gpu, name, mig_profile, run) ({of_gpu('vae_gpu_info')})"), name="info"),
        Query(total, name="total"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_memory_used_bytes')}) / {total}", name="used"),
        Query(peak, name="peak"),
        Query(f"time() - max by (gpu) ({of_gpu('vae_gpu_sample_timestamp_seconds')})", name="age"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_lost')})", name="lost"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_row_remap_pending')})", name="remap"),
    ]
    return [
        rows(
            Words(
                "GPUs",
                "One row per GPU, with a run that uses it. The sample age is the time since the driver last responded. "
                "It should stay below a minute.",
                NO_GPU,
            ),
            now,
            columns,
            (24, 13),
        ).transformations([*joined("gpu"), *only(columns)]),
        gauges(
            Words(
                "Peak memory",
                "The most memory that torch has reserved, as a share of the GPU. Near 100 %, a larger batch does not "
                "fit.",
                NO_GPU,
            ),
            [Query(with_card(peak), "{{card}}")],
            (24, 8),
        ),
    ]


def _card() -> Panels:
    def of_card(series: str) -> str:
        return f"max by (gpu) ({of_gpu(series)})"

    allocated, reserved = held("allocated", "current"), held("reserved", "current")
    used, total = of_card("vae_gpu_memory_used_bytes"), of_card("vae_gpu_memory_total_bytes")
    return [
        stacked(
            Words(
                "Memory breakdown",
                "From the bottom: memory allocated to tensors, cached by torch, and used outside torch. Dashed lines: "
                "the peak of the tensors, and the size of the GPU in red. Flat after the first steps is good; steady "
                "growth is a leak.",
                NO_GPU,
            ),
            "bytes",
            [
                Query(allocated, "allocated to tensors", "allocated"),
                Query(f"{reserved} - {allocated}", "cached by torch", "kept"),
                Query(f"{used} - on (gpu) {reserved} or {used}", "outside torch", "outside"),
                Query(held("allocated", "peak"), "allocated, peak", "peak"),
                Query(total, "GPU size", "total"),
            ],
            (12, 9),
        )
        .min(0)
        .override_by_query("peak", dashed())
        .override_by_query("total", [*dashed(3), fixed(RED)]),
        curves(
            Words(
                "Fragmentation",
                "The share of torch's reserved memory that is free, and the share that is free but split into pieces. "
                "Low is good. If it is high while allocations are retried or fail, try "
                "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True.",
                NO_GPU,
            ),
            "percentunit",
            [
                Query(f"{held('inactive_split', 'current')} / {reserved}", "split", "split"),
                Query(f"({reserved} - {allocated}) / {reserved}", "free", "free"),
            ],
            (6, 9),
        ).min(0),
        curves(
            Words(
                "Retries, failures, segments",
                "Allocations that torch retried after freeing its cache, which is slow, and out-of-memory errors. Both "
                "should be 0. Dashed: the allocator's segments.",
                NO_GPU,
            ),
            "none",
            [
                Query(_increase("vae_cuda_allocator_retries_total"), "retries", "retries"),
                Query(_increase("vae_cuda_allocator_out_of_memory_total"), "out of memory", "failures"),
                Query(of_card("vae_cuda_allocator_segments"), "segments", "segments"),
            ],
            (6, 9),
        ).override_by_query("segments", dashed()),
    ]


def _health() -> Panels:
    def of_each(series: str, *labels: str) -> str:
        return with_card(f"max by ({', '.join(('gpu', *labels))}) ({of_gpu(series)})")

    ever = f"max by (reason) (max_over_time({of_gpu('vae_gpu_throttled')}[$__range] @ end())) == 1"
    throttled = f"sum by (reason) (max by (gpu, reason) ({of_gpu('vae_gpu_throttled')})) and on (reason) {ever}"
    named = f'label_replace({throttled}, "reason", "$1", "reason", "(.+_.+)_(?:setting|slowdown)")'  # fits a phone
    return [
        curves(
            Words(
                "Temperature",
                "The temperature of the GPU, and (dashed) of its memory (HBM). The memory usually throttles first.",
                NO_GPU,
            ),
            "celsius",
            [
                Query(of_each("vae_gpu_temperature_celsius"), "{{card}}", "chip"),
                Query(of_each("vae_gpu_memory_temperature_celsius"), "HBM {{card}}", "memory"),
            ],
            (8, 8),
        ).override_by_query("memory", dashed()),
        curves(
            Words("Power", "The power that the board draws. Steady under a steady load.", NO_GPU),
            "watt",
            [Query(of_each("vae_gpu_power_watts"), "{{card}}")],
            (8, 8),
        ),
        curves(
            Words("Clocks", "The clock frequencies. A drop under full load means that the GPU is throttled.", NO_GPU),
            "hertz",
            [Query(of_each("vae_gpu_clock_hertz", "clock"), "{{clock}} {{card}}")],
            (8, 8),
        ),
        curves(
            Words(
                "Utilization",
                "The share of time in which the GPU computes, and (dashed) in which it accesses memory. Dips often "
                "mean slow data loading.",
                NOT_HERE,
            ),
            "percentunit",
            [
                Query(of_each("vae_gpu_utilization_ratio"), "{{card}}", "compute"),
                Query(of_each("vae_gpu_memory_bandwidth_utilization_ratio"), "memory {{card}}", "memory"),
            ],
            (24, 8),
        )
        .min(0)
        .max(1)
        .override_by_query("memory", dashed()),
        states(
            Words(
                "Throttled GPUs",
                "How many GPUs ran below their full clock, for each reason in this time range. Select one GPU above to "
                "see when it was throttled.",
                "No GPU is throttled, or reports it.",
            ),
            count_of(ORANGE, zero="✓ none"),
            [Query(or_none(named, "reason", of_gpu("vae_gpu_info")), "{{reason}}")],
            (24, 6),
        ),
        curves(
            Words("ECC errors", "A few corrected errors are harmless. An uncorrected error pages.", NOT_HERE),
            "none",
            [Query(of_each("vae_gpu_ecc_errors_total", "type"), "{{type}} {{card}}")],
            (8, 7),
        ),
        curves(
            Words("Remapped rows", "Memory rows that the GPU has replaced with spares. Should not grow.", NOT_HERE),
            "none",
            [Query(of_each("vae_gpu_remapped_rows", "type"), "{{type}} {{card}}")],
            (8, 7),
        ),
        number(
            Words("Row remap failed", "If yes, the GPU has run out of spare rows. Replace it.", "Not reported"),
            "none",
            Query(f"max({of_gpu('vae_gpu_row_remap_failed')})"),
            [YES_NO],
            (4, 7),
        ),
        number(
            Words(
                "XID errors",
                "Errors that the driver reported in the selected time range. The runbook of VaeGpuFailing lists the "
                "fatal ones.",
                "None",
            ),
            "none",
            Query(f"sum(increase({of_gpu('vae_gpu_xid_errors_total')}[$__range]))"),
            size=(4, 7),
            decimals=0,
        ),
    ]


def _increase(series: str) -> str:
    return f"max by (gpu) (increase({of_gpu(series)}[$__rate_interval]))"
