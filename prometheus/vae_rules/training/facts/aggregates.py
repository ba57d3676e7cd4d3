"""What several facts of a run have in common."""

from __future__ import annotations

from textwrap import indent

from vae_rules.rule import Record
from vae_rules.seen import PARTS, aggregated
from vae_rules.training.succession import earlier


def window_mean(component: str, window: str, lag: str) -> str:
    """Return the PromQL of the means of *component*, a label matcher, over one window."""
    return f'vae_loss_window_mean{{component{component},window="{window}",lag="{lag}"}}'


def fact(name: str, operator: str, series: str, about: str) -> Record:
    """Return the record *name* of *series* over the ranks of a run."""
    return Record(name, aggregated(f"{operator} by (run)", series), about)


def with_earlier(name: str, own: str, choose: str) -> str:
    """Return the PromQL of *own* or the last values of the series *name* in earlier processes, as *choose* chooses."""
    return f"""
{choose} without (of, successor) (
    {own}
  or
{indent(earlier(name), PARTS)}
)
"""


def lowest_earlier(name: str, matcher: str = "") -> str:
    """Return the PromQL of the lowest of the last values of the series *name* in earlier processes."""
    return f"min without (of, successor) (\n{indent(earlier(name, matcher), PARTS)}\n)"
