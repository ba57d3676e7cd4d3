"""Whether the runs live and whether the watching works: prometheus/rules/liveness.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.liveness import facts, ranks, runs, watching
from vae_rules.rule import RuleFile, Section

LIVENESS = RuleFile(
    name="liveness",
    group="vae_liveness",
    about=dedent(
        """\
        Judges whether the runs live, and whether the watching works.

        A process that disappears says nothing, so what was last known of it is kept, in series that read themselves:
        for a day, or until a later process of the run takes its place. A death is not a recovery."""
    ),
    sections=(
        facts.LIFE,
        facts.STEPS,
        Section("Alerts about one rank", (ranks.STALLED, ranks.DOWN, ranks.STRAGGLER, ranks.NAME_TAKEN)),
        Section("Alerts about a run: however many of its ranks ended, it is one end", (runs.FAILED, runs.TERMINATED)),
        runs.TICKETS,
        Section(
            "Alerts about the watching", (watching.RULES_FAILING, watching.NOTIFICATIONS_FAILING, watching.WATCHDOG)
        ),
    ),
)
