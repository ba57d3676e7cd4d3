"""What a run takes over from its earlier processes, and from the run that it resumes under another name."""

from __future__ import annotations

from textwrap import indent

from vae_rules.rule import Record, Section
from vae_rules.seen import PARTS
from vae_rules.training.memory import remembered


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
