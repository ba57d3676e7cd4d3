"""Which alerts of a file fire, for the verdict of training.yml."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

from vae_rules.rule import Record, Section

if TYPE_CHECKING:
    from collections.abc import Sequence


def firing(*, pages: Sequence[str], tickets: Sequence[str], about: str = "") -> Section:
    """Return the series of those of *pages* and *tickets* that fire. The section comes after their alerts.

    *about* describes the series of the pages: see `Record`.
    """
    return Section(
        "What fires, for the verdict of training.yml, which reads it one evaluation later",
        (
            Record("run:vae_page:bool", _reasons(pages), about, more_labels=("reason",)),
            Record(
                "run:vae_ticket:gravity", f"{indent(_reasons(tickets), '  ')}and ignoring (reason)\n  run:vae_nll:mean"
            ),
        ),
    )


def _reasons(alerts: Sequence[str]) -> str:
    return dedent(
        f"""\
        group by (run, reason) (
          label_replace(
            ALERTS{{
              alertname=~"{"|".join(alerts)}",
              alertstate="firing"
            }},
            "reason", "$1", "alertname", "(.+)"
          )
        )
        """
    )
