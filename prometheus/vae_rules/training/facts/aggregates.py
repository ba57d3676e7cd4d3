"""What several facts of a run have in common."""

from __future__ import annotations

from vae_rules.rule import Record
from vae_rules.seen import aggregated


def window_mean(component: str, window: str, lag: str) -> str:
    """Return the PromQL of the means of *component*, a label matcher, over one window."""
    return f'vae_loss_window_mean{{component{component},window="{window}",lag="{lag}"}}'


def fact(name: str, operator: str, series: str, about: str) -> Record:
    """Return the record *name* of *series* over the ranks of a run."""
    return Record(name, aggregated(f"{operator} by (run)", series), about)
