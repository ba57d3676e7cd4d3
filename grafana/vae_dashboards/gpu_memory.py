"""GPU memory: the cards of a node, what fills them, and whether they are well."""

from __future__ import annotations

from vae_dashboards.board import Board, Panels, Row, choice, runs
from vae_dashboards.looks import dashed, fixed
from vae_dashboards.meanings import GREEN, ORANGE, RED, YES_NO, meaning
from vae_dashboards.panels import Column, Words, curves, gauges, joined, number, only, rows, stacked, states
from vae_dashboards.queries import Query, held, of_gpu, of_run

NO_GPU = "No data: no run uses an NVIDIA GPU, or its driver does not answer."
NOT_HERE = "No data: this card, or its MIG slice, does not tell it."

THROTTLED = meaning({"0": ("✓ no", GREEN), "1": ("! held back", ORANGE)})


def gpu_memory() -> Board:
    """Return the dashboard of the cards."""
    return Board(
        uid="gpu-memory",
        title="GPU memory",
        description="The cards of the chosen runs: what fills them, how fragmented it is, and whether they are well.",
        variables=[
            runs(everything=True),
            choice(
                "gpu",
                "GPU",
                "By its UUID: indices change with CUDA_VISIBLE_DEVICES.",
                f"label_values({of_run('vae_gpu_info')}, gpu)",
                everything=True,
            ),
        ],
        rows=[
            Row("All cards", _devices()),
            Row("Card $gpu", _card(), repeat="gpu"),
            Row("Health of the chosen cards", _health()),
        ],
    )


def _devices() -> Panels:
    columns = [
        Column("gpu", "GPU", width=330),
        Column("name", "Model"),
        Column("index", "Index", width=70),
        Column("mig_profile", "MIG", width=80),
        Column("run", "Run"),
        Column("Value #total", "Memory", unit="bytes", decimals=0, width=100),
        Column("Value #used", "Used", unit="percentunit", decimals=0, width=80),
        Column("Value #peak", "Peak of torch", unit="percentunit", decimals=0, width=120),
        Column("Value #age", "Read", unit="s", decimals=0, width=90),
        Column("Value #lost", "Lost", meaning=YES_NO, colored=True, width=80),
        Column("Value #remap", "Reset due", meaning=YES_NO, colored=True, width=100),
    ]
    total = f"max by (gpu) ({of_gpu('vae_gpu_memory_total_bytes')})"
    peak = f"{held('reserved', 'peak')} / {total}"
    now = [
        Query(f"group by (gpu, name, index, mig_profile, run) ({of_gpu('vae_gpu_info')})", name="info"),
        Query(total, name="total"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_memory_used_bytes')}) / {total}", name="used"),
        Query(peak, name="peak"),
        Query(f"time() - max by (gpu) ({of_gpu('vae_gpu_sample_timestamp_seconds')})", name="age"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_lost')})", name="lost"),
        Query(f"max by (gpu) ({of_gpu('vae_gpu_row_remap_pending')})", name="remap"),
    ]
    return [
        rows(
            Words("Cards", "One row a card, with a run that uses it. Read: how long ago the driver answered.", NO_GPU),
            now,
            columns,
            (16, 8),
        ).transformations([*joined("gpu"), *only(columns)]),
        gauges(
            Words(
                "How full",
                "The most that torch has reserved, as a part of the card. Near 100 %: the next larger batch does not "
                "fit.",
                NO_GPU,
            ),
            [Query(peak, "{{gpu}}")],
            (8, 8),
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
                "Layers",
                "From below: what tensors take; what torch keeps of what they gave back; what all else takes. The line "
                "on top is the card; the dashed one the peak of the tensors.",
                NO_GPU,
            ),
            "bytes",
            [
                Query(allocated, "allocated to tensors", "allocated"),
                Query(f"{reserved} - {allocated}", "kept by torch", "kept"),
                Query(f"{used} - on (gpu) {reserved} or {used}", "outside of torch", "outside"),
                Query(held("allocated", "peak"), "allocated, peak", "peak"),
                Query(total, "the card", "total"),
            ],
            (12, 9),
        )
        .min(0)
        .override_by_query("peak", dashed())
        .override_by_query("total", [*dashed(3), fixed(RED)]),
        curves(
            Words(
                "Fragmentation",
                "Of what torch keeps: the part that is free but split into pieces, and all that is free. High while "
                "allocations fail or are retried: expandable_segments:True in PYTORCH_CUDA_ALLOC_CONF may help.",
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
                "Retries free the cache first, and cost time; a failure is an out-of-memory error.",
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
    def of_each(series: str) -> str:
        return f"max by (gpu) ({of_gpu(series)})"

    return [
        curves(
            Words("Temperature", "Of the chip, and dashed of its memory (HBM), which throttles first.", NO_GPU),
            "celsius",
            [
                Query(of_each("vae_gpu_temperature_celsius"), "{{gpu}}", "chip"),
                Query(of_each("vae_gpu_memory_temperature_celsius"), "HBM {{gpu}}", "memory"),
            ],
            (8, 8),
        ).override_by_query("memory", dashed()),
        curves(
            Words("Power", "As the card draws it.", NO_GPU),
            "watt",
            [Query(of_each("vae_gpu_power_watts"), "{{gpu}}")],
            (8, 8),
        ),
        curves(
            Words("Clocks", "Falling at full load: the card is held back.", NO_GPU),
            "hertz",
            [Query(f"max by (gpu, clock) ({of_gpu('vae_gpu_clock_hertz')})", "{{clock}} {{gpu}}")],
            (8, 8),
        ),
        curves(
            Words("Use", "The part of the time in which the card computes, and dashed moves memory.", NOT_HERE),
            "percentunit",
            [
                Query(of_each("vae_gpu_utilization_ratio"), "{{gpu}}", "compute"),
                Query(of_each("vae_gpu_memory_bandwidth_utilization_ratio"), "memory {{gpu}}", "memory"),
            ],
            (12, 8),
        )
        .min(0)
        .max(1)
        .override_by_query("memory", dashed()),
        states(
            Words("Held back by", "Why the card does not run at its full clock, by reason.", "None, or not told."),
            THROTTLED,
            [Query(f"max by (gpu, reason) ({of_gpu('vae_gpu_throttled')})", "{{reason}} {{gpu}}")],
            (12, 8),
        ),
        curves(
            Words(
                "ECC errors", "Corrected ones are harmless in small numbers; an uncorrected one is a page.", NOT_HERE
            ),
            "none",
            [Query(f"max by (gpu, type) ({of_gpu('vae_gpu_ecc_errors_total')})", "{{type}} {{gpu}}")],
            (8, 7),
        ),
        curves(
            Words("Remapped rows", "Rows of memory that the card has replaced by spare ones.", NOT_HERE),
            "none",
            [Query(f"max by (gpu, type) ({of_gpu('vae_gpu_remapped_rows')})", "{{type}} {{gpu}}")],
            (8, 7),
        ),
        number(
            Words("Row remap failed", "The card has no spare rows left: it is to be replaced.", NOT_HERE),
            "none",
            Query(f"max({of_gpu('vae_gpu_row_remap_failed')})"),
            YES_NO,
            (4, 7),
        ),
        number(
            Words(
                "XID errors", "What the driver has reported about the card; the runbook lists which are fatal.", "None."
            ),
            "none",
            Query(f"sum(increase({of_gpu('vae_gpu_xid_errors_total')}[$__range]))"),
            size=(4, 7),
            decimals=0,
        ),
    ]


def _increase(series: str) -> str:
    return f"max by (gpu) (increase({of_gpu(series)}[$__rate_interval]))"
