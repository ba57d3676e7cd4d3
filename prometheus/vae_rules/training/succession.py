"""What a run takes over from its earlier processes, and from the run that it resumes under another name."""

from __future__ import annotations

from textwrap import indent

from vae_rules.rule import Record, Section
from vae_rules.seen import PARTS

REMEMBERED = (
    "run:vae_run:present",
    "run:vae_nll:mean",
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
  last_over_time({name}_last1h{matcher}[23h5m])"""


def earlier(name: str, matcher: str = "") -> str:
    """Return the PromQL of what is remembered of a series in the runs that a run continues, its own included.

    The result has the label `of`. *matcher* leaves at most one series for each run.
    """
    return f"""\
label_replace(
  run:vae_run:heir + on (run) group_left () (
{indent(remembered(name, matcher), PARTS)}
  ),
  "run", "$1", "successor", "(.+)"
)
  and on (run) run:vae_run:continues"""


RECORDS = Section(
    "What a run continues: its own earlier processes, and the run that it resumes under another name",
    (
        Record(
            "run:vae_run:is_succeeded",
            "group without (successor) (run:vae_run:successor) unless run:vae_run:present",
            "Present for a run that is no longer scraped while another one resumes it: its pages resolve",
        ),
        Record(
            "run:vae_run:is_remembered",
            remembered("run:vae_run:present"),
            "Present while the run is scraped, and for a day after it was last scraped",
        ),
        Record(
            "run:vae_run:heir",
            """
            label_replace(
                label_replace(0 * run:vae_run:continues, "successor", "$1", "run", "(.+)")
              or
                0 * run:vae_run:successor,
              "of", "$1", "run", "(.+)"
            )
            """,
            "0, for each run, here and in *of*, that *successor* continues: itself, or the run that it resumes",
            more_labels=("of", "successor"),
        ),
    ),
)

MEMORY = Section(
    "Memory",
    tuple(
        Record(f"{name}_last1h", f"last_over_time({name}[1h])", f"The last `{name}` of the hour before")
        for name in REMEMBERED
    ),
    about=(
        "Evaluated every five minutes only. The rules above read it for 23 hours and the five minutes by which it may "
        "be late: 277 samples a series, while a day of the series itself has 5,760."
    ),
)
