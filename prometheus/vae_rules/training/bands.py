"""The quality bands of the NLL."""

from __future__ import annotations

from vae_rules.rule import Record, Section

MEANINGS = (
    (
        "suspicious",
        "below $nll_suspicious",
        "Overfitting or collapse: black outputs or a memorized clip. Check the outputs now.",
    ),
    ("low", "$nll_suspicious to below $nll_excellent_min", "Better than the target. Normal late in training."),
    (
        "excellent",
        "$nll_excellent_min to $nll_excellent_max",
        "Sharp, smooth video: the target. Golden is $nll_golden_min to $nll_golden_max.",
    ),
    ("good", "above $nll_excellent_max to $nll_good_max", "Acceptable: soft, some flicker. Common early in training."),
    ("degraded", "above $nll_good_max to $nll_bad", "Worse than acceptable."),
    ("bad", "above $nll_bad", "Gray or noisy outputs. At $nll_reduce_learning_rate or more, lower the learning rate."),
    (
        "converging",
        "above $nll_good_max, and never good before",
        "Normal early in training. Replaces degraded and bad until the run has been good.",
    ),
)
"""Each band, its range and what it means."""


def _band(band: str, expr: str) -> Record:
    about = "The NLL, on the one band that it is in; absent until the mean is whole"
    expr = f"  {expr.strip()}\nunless\n  run:vae_nll:bands_unfit" if "\n" not in expr else expr
    return Record("run:vae_nll_band", expr, about if band == "suspicious" else "", labels={"band": band})


FIT = Section(
    "Whether the bands fit the scale of the loss",
    (
        Record(
            "run:vae_nll:was_good",
            "run:vae_nll:short_best <= run:vae_nll:edge_good_max or run:vae_nll:short_mean <= "
            "run:vae_nll:edge_good_max",
            "Present once the mean over a short window was good",
            why="An NLL above the good band converges until then. From then on it has become worse.",
        ),
        Record(
            "run:vae_nll:is_below_bands",
            """
              (
                  run:vae_nll:highest < run:vae_nll:edge_suspicious
                or
                  last_over_time(run:vae_nll:is_below_bands[1h]) and run:vae_nll:held < run:vae_nll:edge_suspicious
              )
            unless
              run:vae_nll:has_own_edges
            """,
            "Present for a run whose NLL was always below suspicious, until its level is not",
            why="Such a run may rise into the bands: it stays on its own scale.",
        ),
        Record(
            "run:vae_nll:was_never_good",
            """
              run:vae_nll:mean
            and
              run:vae_step:since_start >= $never_good
            unless
              run:vae_nll:was_good
            """,
            "Present for a run that was not good within $never_good steps",
        ),
        Record(
            "run:vae_nll:bands_unfit",
            """
              run:vae_nll:has_declared_scale
            or
              run:vae_nll:is_below_bands
            or
              run:vae_nll:was_never_good
            or
              run:vae_nll:held and run:vae_nll:short_best > $off_scale unless run:vae_nll:has_own_edges
            """,
            "Present while the bands do not fit the run: it is judged by multiples of its level alone",
        ),
    ),
)

RECORDS = Section(
    "Bands",
    (
        Record(
            "run:vae_nll:has_multiplied",
            "run:vae_nll:lower_bound >= $multiplied * run:vae_nll:level",
            "Present while the NLL is at least $multiplied times its level",
        ),
        Record(
            "run:vae_nll:is_converging",
            """
              run:vae_nll:mean > run:vae_nll:edge_good_max
            unless
              run:vae_nll:was_good
            unless
              run:vae_nll:has_multiplied
            unless
              run:vae_nll:bands_unfit
            """,
            "Present while the NLL is above good and has never been good",
        ),
        _band("suspicious", "run:vae_nll:mean < run:vae_nll:edge_suspicious"),
        _band("low", "run:vae_nll:mean >= run:vae_nll:edge_suspicious < run:vae_nll:edge_excellent_min"),
        _band("excellent", "run:vae_nll:mean >= run:vae_nll:edge_excellent_min <= run:vae_nll:edge_excellent_max"),
        _band("good", "run:vae_nll:mean > run:vae_nll:edge_excellent_max <= run:vae_nll:edge_good_max"),
        _band("converging", "run:vae_nll:is_converging"),
        _band(
            "degraded",
            """
              run:vae_nll:mean > run:vae_nll:edge_good_max <= run:vae_nll:edge_bad
            unless
              run:vae_nll:is_converging
            unless
              run:vae_nll:bands_unfit
            """,
        ),
        _band(
            "bad",
            """
              run:vae_nll:mean > run:vae_nll:edge_bad
            unless
              run:vae_nll:is_converging
            unless
              run:vae_nll:bands_unfit
            """,
        ),
    ),
)
