"""Whether the GPUs of the runs are healthy: prometheus/rules/gpu.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.firing import firing
from vae_rules.gpu import cards, errors, memory, throttling
from vae_rules.rule import RuleFile, Section

GPU = RuleFile(
    name="gpu",
    group="vae_gpu",
    about=dedent(
        """\
        Judges the GPUs of the runs: their memory, temperature and errors.

        A GPU is identified by its UUID. Several processes may export it, so each signal is first aggregated to one
        value per run and GPU. A fault stays when its process dies, until a later process is seen on the GPU."""
    ),
    sections=(
        cards.RECORDS,
        memory.RECORDS,
        errors.RECORDS,
        errors.FAULTS,
        memory.PRESSURE,
        throttling.RECORDS,
        Section(
            "Alerts",
            (
                memory.OUT_OF_MEMORY,
                memory.MEMORY_PRESSURE,
                errors.FAILING,
                throttling.THROTTLED,
                errors.ROW_REMAP_PENDING,
                cards.SAMPLE_STALE,
            ),
        ),
        firing(
            pages=("VaeGpuFailing", "VaeGpuOutOfMemory"),
            tickets=("VaeGpuMemoryPressure", "VaeGpuThrottled", "VaeGpuRowRemapPending", "VaeGpuSampleStale"),
        ),
    ),
)
