"""What a run takes over from its earlier processes, and from the run that it resumes under another name."""

from __future__ import annotations

from vae_rules.rule import Record, Section

_FACTS = (
    "run:vae_nll:best",
    "run:vae_nll:short_best",
    "run:vae_nll:highest",
    "run:vae_nll:held",
    "run_component:vae_loss:held",
    "run:vae_probe:best",
)
"""What a run takes over."""


def earlier(name: str, matchers: str = "") -> str:
    """Return the PromQL of the last *name* of the runs that a run continues, its own included, each with `of`.

    A run has at most one such series with these *matchers*.
    """
    return f"""\
label_replace(
  run:vae_run:heir
    + on (run) group_left ()
  {name}_remembered{matchers},
  "run", "$1", "successor", "(.+)"
)
  and on (run) run:vae_run:continues"""


def _remembered(name: str) -> Record:
    joined = "and ignoring (component)" if name.startswith("run_component") else "and"
    return Record(
        f"{name}_remembered",
        f"""
          (
              last_over_time({name}[15m])
            or
              last_over_time({name}_remembered[1h])
          )
        {joined}
          run:vae_run:is_remembered
        """,
        f"The last `{name}` of such a run",
        why="This rule comes before the one that records the present." if name == _FACTS[0] else "",
    )


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
        Record(
            "run:vae_run_gone:timestamp_seconds",
            """
              (
                  last_over_time(run:vae_run_gone:timestamp_seconds[1h])
                or
                  time() * last_over_time(run:vae_run:present[15m])
              )
                > time() - $remembered - 3600
            unless
              run:vae_run:present
            """,
            "Since when the run is no longer scraped",
            why=(
                "Kept for a day and an hour. A range of a day costs 0.5 s for 1,000 runs, so what is needed of the day "
                "before is recorded, and only for the runs that need it."
            ),
        ),
        Record(
            "run:vae_run:is_remembered",
            """
              run:vae_run:continues
            or
              group without (successor) (run:vae_run:successor)
            or
              run:vae_run_gone:timestamp_seconds > time() - $remembered
            """,
            "Present for a run that a later process continues or, if it is gone for less than a day, may continue",
        ),
        Record(
            "run:vae_run:is_forgotten",
            "run:vae_run_gone:timestamp_seconds <= time() - $remembered",
            "Present for an hour after a run has been gone for a day: its pages resolve",
        ),
        *map(_remembered, _FACTS),
    ),
)
