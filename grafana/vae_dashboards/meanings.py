"""Value mappings: words, a symbol and a color for each value, because color alone is not accessible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardRegexMapOptions,
    RangeMap,
    RegexMap,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from vae_exporter.advice import ALERTS, BANDS, SYMBOLS
from vae_exporter.vocabulary import NLL_BANDS, RUN_STATES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vae_exporter.vocabulary import RunState

GREEN, YELLOW, ORANGE, RED, GRAY, BLUE, PURPLE = "green", "yellow", "orange", "red", "text", "blue", "purple"
"""Grafana's color names. Each theme has its own shade of them."""

MOST_RUNS = 1_000_000

BAND_COLORS = dict(zip(NLL_BANDS, (ORANGE, BLUE, GREEN, YELLOW, ORANGE, RED), strict=True))

_VERDICT_COLORS = dict(zip(VERDICTS, (GREEN, YELLOW, ORANGE, RED), strict=True))

_STATES: Mapping[RunState, tuple[str, str]] = {
    "running": ("▶ Running", GREEN),
    "paused": ("‖ Paused", BLUE),
    "finished": ("■ Finished", BLUE),
    "terminated": ("■ Terminated", ORANGE),
    "failed": ("✕ Failed", RED),
}


def meaning(words: Mapping[str, tuple[str, str]]) -> ValueMapping:
    """Map each value, a number or a string, to a text and a color."""
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=color, index=index)
            for index, (value, (text, color)) in enumerate(words.items())
        }
    )


def count_of(color: str, zero: str = "0") -> list[ValueMapping]:
    """Color a count that should be 0: green, with the text *zero*, if it is, else *color*, with the count itself.

    A range needs both ends: Grafana takes an end that is null for 0.
    """
    nonzero = ValueMappingResult(color=color, index=1)
    counts = DashboardRangeMapOptions(from_val=1, to=MOST_RUNS, result=nonzero)
    return [meaning({"0": (zero, GREEN)}), RangeMap(counts)]


def called(text: str) -> ValueMapping:
    """Show *text* for any value, such as a URL that nobody reads."""
    return RegexMap(DashboardRegexMapOptions(pattern=".+", result=ValueMappingResult(text=text, index=0)))


def _verdict(name: str) -> tuple[str, str]:
    return f"{SYMBOLS[name]} {name.capitalize()}", _VERDICT_COLORS[name]


# The values of run:vae_verdict:code. -1 is a run that is not judged yet.
VERDICT = meaning({"-1": ("… Not judged yet", BLUE), **{str(code): _verdict(name) for name, code in VERDICTS.items()}})

VERDICT_NAME = meaning({name: _verdict(name) for name in VERDICTS})

# The values of run_rank:vae_run_state:code, and two states that alerts report.
STATE = meaning(
    {
        **{str(RUN_STATES[state]): words for state, words in _STATES.items()},
        "10": ("? Lost", RED),
        "11": ("… Stalled", RED),
    }
)
STATE_QUERY = """max by (run) (
    10 * ALERTS{{alertname="VaeExporterDown",alertstate="firing",{runs}}}
  or
    11 * ALERTS{{alertname="VaeTrainingStalled",alertstate="firing",{runs}}}
  or
    run_rank:vae_run_state:code{{{runs}}}
)"""

WHAT_TO_DO = meaning({alert: (text, GRAY) for alert, text in ALERTS.items()})

REASON = meaning({reason: (f"{reason}: {text}", GRAY) for reason, text in {**BANDS, **ALERTS}.items()})

NONE = ("✓ none", GREEN)
"""What a state timeline shows while it has nothing to show."""

# The values of FIRING_QUERY. Its names have no prefix, so that they fit a phone.
FIRING = meaning({"0": NONE, "1": ("! ticket", ORANGE), "2": ("✕ page", RED)})
FIRING_QUERY = """max by (alert) (label_replace(
    2 * ALERTS{{alertstate="firing",severity="page",{runs}}}
  or
    ALERTS{{alertstate="firing",severity="ticket",{runs}}},
  "alert", "$1", "alertname", "(?:Vae)?(.+)"
))"""

HOLDS = meaning({"0": NONE, "1": ("detected", ORANGE)})

RISES = meaning({"0": NONE, "1": ("grew most", ORANGE)})

YES_NO = meaning({"0": ("✓ no", GREEN), "1": ("✕ yes", RED)})

SEVERITY = meaning({"page": ("✕ page", RED), "ticket": ("! ticket", ORANGE)})
