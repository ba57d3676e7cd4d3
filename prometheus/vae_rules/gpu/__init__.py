"""Whether the GPUs that the runs use are well: prometheus/rules/gpu.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.gpu import cards, errors, memory, throttling
from vae_rules.rule import RuleFile, Section

GPU = RuleFile(
    name="gpu",
    group="vae_gpu",
    about=dedent(
        """\
        Judges the GPUs that the runs use: their memory, their temperature and their errors.

        A card is known by its UUID, and several processes may report one, so each signal is aggregated to one value a
        run and card first. What broke stays broken when its process dies, until a later process is seen on the card."""
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
        cards.TICKETS,
    ),
)
