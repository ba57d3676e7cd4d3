"""What is remembered for a day of a run that is not scraped: it may have died, or be resumed."""

from __future__ import annotations

from vae_rules.rule import Record, Section

REMEMBERED = (
    "run:vae_run:present",
    "run:vae_nll:best",
    "run:vae_nll:short_best",
    "run:vae_nll:highest",
    "run:vae_nll:held",
    "run_component:vae_loss:held",
    "run:vae_probe:best",
    "run_rank:vae_last_nonfinite_step:max",
)
"""The series that have a memory of a day."""


def remembered(name: str, matcher: str = "") -> str:
    """Return the PromQL of the last value within a day of the series *name*, one of `REMEMBERED`, with *matcher*.

    The last hour is read from the series itself, and the hours before from its memory.
    """
    return f"""\
  last_over_time({name}{matcher}[1h])
or
  last_over_time({name}_last1h{matcher}[23h15m])"""


RECORDS = Section(
    "Memory",
    tuple(
        Record(f"{name}_last1h", f"last_over_time({name}[1h])", f"The last `{name}` of the hour before")
        for name in REMEMBERED
    ),
    about=(
        "Evaluated every 15 minutes only. The rules above read it for 23 hours and the 15 minutes by which it may be "
        "late. With the last hour of the series itself, these are 333 samples a series; a day of it has 5,760."
    ),
)
