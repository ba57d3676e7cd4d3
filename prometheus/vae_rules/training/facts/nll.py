"""The NLL that is judged: its means over windows and what they are worth."""

from __future__ import annotations

from vae_rules.rule import Record, Section
from vae_rules.seen import aggregated
from vae_rules.training.facts.aggregates import fact, window_mean, with_earlier

_BEFORE = (
    ("mean", "0", "The mean of the judged NLL over the newest long window"),
    ("mean_before", "1", "The mean over the long window before"),
    ("mean_2_before", "2", "The mean over the one before that"),
    ("mean_3_before", "3", "The mean over the one before that"),
    ("mean_4_before", "4", "The mean over the one before that"),
    ("mean_5_before", "5", "The mean over the one before that"),
)


def _nll(name: str, length: str, lag: str, about: str, why: str = "") -> Record:
    return Record(f"run:vae_nll:{name}", aggregated("avg by (run)", window_mean('="judged"', length, lag)), about, why)


def _lowest(name: str, own: str, about: str, why: str = "") -> Record:
    return Record(f"run:vae_nll:{name}", with_earlier(f"run:vae_nll:{name}", f"run:vae_nll:{own}", "min"), about, why)


RECORDS = Section(
    "The NLL that is judged",
    (
        Record(
            "run:vae_loss_window:steps",
            "max by (run) (last_over_time(vae_loss_window_steps[2m]))",
            "The length of a long window, in steps; a short one is a tenth of it",
        ),
        *(_nll(name, "long", lag, about) for name, lag, about in _BEFORE),
        _nll("mean_before_short", "long", "0.1", "The mean over the long window that ends before the newest short one"),
        _nll("short_mean", "short", "0", "The mean over the newest short window"),
        _nll("short_mean_before", "short", "1", "The mean over the short window before"),
        fact("run:vae_nll:values", "avg", "vae_loss_window_values", "The number of values in the newest long window"),
        fact(
            "run:vae_nll:standard_error",
            "avg",
            "vae_loss_window_standard_error",
            "The standard error of the mean, for correlated values",
        ),
        Record(
            "run:vae_nll:lower_bound",
            "run:vae_nll:mean - $errors * run:vae_nll:standard_error and run:vae_nll:values >= $needed_values",
            "What the mean is at least: $errors standard errors below it",
            why="Alerts about a rise compare this with an edge, never the bare mean.",
        ),
        fact(
            "run:vae_nll:own_best",
            "avg",
            'vae_loss_best_window_mean{window="long"}',
            "The lowest mean over a long window in this process",
        ),
        _lowest(
            "best",
            "own_best",
            "The same, and for a resumed run of the processes of the day before",
            why="A run may resume in the middle of a rise: its own best then says nothing.",
        ),
        fact(
            "run:vae_nll:own_short_best",
            "avg",
            'vae_loss_best_window_mean{window="short"}',
            "The lowest mean over a short window in this process",
        ),
        _lowest("short_best", "own_short_best", "The same, and for a resumed run of the processes of the day before"),
        fact(
            "run:vae_nll:own_highest",
            "avg",
            "vae_loss_highest_window_mean",
            "The highest mean over a long window in this process",
        ),
        Record(
            "run:vae_nll:highest",
            with_earlier("run:vae_nll:highest", "run:vae_nll:own_highest", "max"),
            "The same, and for a resumed run of the processes of the day before",
        ),
        fact(
            "run:vae_nll:start",
            "avg",
            'vae_loss_start{component="nll"}',
            "The mean of the first ten NLLs of this process",
        ),
        Record(
            "run:vae_nll_growth:ratio",
            "run:vae_nll:mean / run:vae_nll:mean_3_before",
            "The NLL relative to the mean three long windows before",
        ),
    ),
)
