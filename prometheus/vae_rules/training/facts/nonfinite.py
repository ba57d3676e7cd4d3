"""NaN and infinite losses."""

from __future__ import annotations

from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated

RECORDS = Section(
    "NaN and infinite losses",
    (
        Record(
            "run_rank:vae_last_nonfinite_step:max",
            aggregated("max by (run, rank)", "vae_last_nonfinite_step"),
            "The newest step of the rank with a NaN or infinite loss",
        ),
        Record(
            "run_component:vae_last_nonfinite_step:max",
            aggregated("max by (run, component)", "vae_last_nonfinite_step"),
            "The newest step at which this component was NaN or infinite",
        ),
        Record(
            "run_component:vae_nonfinite_since_step:min",
            aggregated("min by (run, component)", "vae_nonfinite_since_step"),
            "The first step of the newest unbroken series of such values",
        ),
    ),
)
