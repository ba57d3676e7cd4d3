"""Whether the runs are alive and the monitoring works: prometheus/rules/liveness.yml."""

from __future__ import annotations

from textwrap import dedent

from vae_rules.firing import firing
from vae_rules.liveness import facts, ranks, runs, watching
from vae_rules.rule import RuleFile, Section

LIVENESS = RuleFile(
    name="liveness",
    group="vae_liveness",
    about=dedent(
        """\
        Judges whether the runs are alive and whether the monitoring works.

        A process that disappears reports nothing, so its last known values are kept, in series that read themselves,
        for a day or until a later process of the run replaces it. A run that died has not recovered."""
    ),
    sections=(
        facts.LIFE,
        facts.STEPS,
        Section("Alerts about one rank", (ranks.STALLED, ranks.DOWN, ranks.STRAGGLER, ranks.NAME_TAKEN)),
        Section("Alerts about a run: one alert, however many of its ranks ended", (runs.FAILED, runs.TERMINATED)),
        firing(
            pages=("VaeRunFailed", "VaeExporterDown", "VaeTrainingStalled"),
            tickets=("VaeRankStraggler", "VaeRunNameTaken", "VaeRunTerminated"),
            about="1 while a page about the life of the run or its GPUs fires, with the page as the reason",
        ),
        Section(
            "Alerts about the monitoring",
            (watching.NOT_STORED, watching.RULES_FAILING, watching.NOTIFICATIONS_FAILING, watching.WATCHDOG),
        ),
    ),
)
