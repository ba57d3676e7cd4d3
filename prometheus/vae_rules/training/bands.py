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
    about = "The NLL, labeled with its band; absent until there is a mean over 100 steps"
    return Record("run:vae_nll_band", expr, about if band == "suspicious" else "", labels={"band": band})


RECORDS = Section(
    "Bands",
    (
        Record(
            "run:vae_nll:was_good",
            "run:vae_nll:short_best <= run:vae_nll:edge_good_max or run:vae_nll:short_mean <= "
            "run:vae_nll:edge_good_max",
            "Present once a 10-step mean has been good",
            why="Until then, a run above the good band is converging. After that, it has become worse.",
        ),
        Record(
            "run:vae_nll:has_multiplied",
            "run:vae_nll:mean >= $multiplied * run:vae_nll:best",
            "Present while the NLL is at least $multiplied times its best",
        ),
        Record(
            "run:vae_nll:is_converging",
            """
              run:vae_nll:mean > run:vae_nll:edge_good_max
            unless
              run:vae_nll:was_good
            unless
              run:vae_nll:has_multiplied
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
            """,
        ),
        _band("bad", "run:vae_nll:mean > run:vae_nll:edge_bad unless run:vae_nll:is_converging"),
    ),
)
