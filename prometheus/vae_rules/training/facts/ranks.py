"""The ranks of a run, to find one that stands out."""

from __future__ import annotations

from vae_rules.rule import Record, Section

RECORDS = Section(
    "The ranks",
    (
        Record(
            "run_rank:vae_nll:lower_bound",
            """
                avg by (run, rank) (last_over_time(vae_loss_window_mean{component="judged",window="long",lag="0"}[2m]))
              -
                $errors * avg by (run, rank) (last_over_time(vae_loss_window_standard_error[2m]))
            and
              avg by (run, rank) (last_over_time(vae_loss_window_values[2m])) >= $needed_values
            """,
            "What the mean of the rank is at least",
        ),
        Record(
            "run:vae_nll:median",
            """
              quantile by (run) (0.5, run_rank:vae_nll:lower_bound)
            and
              count by (run) (run_rank:vae_nll:lower_bound) >= 3
            """,
            "The median of at least three ranks",
        ),
        Record(
            "run_rank:vae_nll:ratio_to_median",
            "run_rank:vae_nll:lower_bound / on (run) group_left () run:vae_nll:median",
            "What the mean of the rank is at least, relative to the median of the ranks",
        ),
    ),
)
