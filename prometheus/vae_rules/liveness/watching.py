"""Alerts about the monitoring itself."""

from __future__ import annotations

from vae_rules.links import RULES_PAGE, graph
from vae_rules.rule import Alert

RULES_FAILING = Alert(
    "VaeRulesFailing",
    "ticket",
    'sum by (rule_group) (increase(prometheus_rule_evaluation_failures_total{rule_group=~".+;vae_.+"}[5m])) > 0',
    when="Prometheus cannot evaluate these rules",
    clears="5 minutes after the last failure",
    summary="""
        Prometheus cannot evaluate rules of {{ $labels.rule_group | reReplaceAll ".*;" "" }}: alerts may be missing.
        Open its rules page for the error.
    """,
    description="""
        {{ printf "%.0f" $value }} evaluations failed in the last 5 minutes, in {{ $labels.rule_group }}. A rule that
        fails
        judges no run at all. {{ $externalURL }}/rules shows which rule fails and why.
    """,
    dashboard=RULES_PAGE,
    has_outputs=False,
)

NOTIFICATIONS_FAILING = Alert(
    "VaeNotificationsFailing",
    "ticket",
    "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0",
    why=(
        "A page that cannot be delivered still reaches the chat, as does this ticket. Alertmanager counts a failure "
        "when it gives up."
    ),
    when="Alertmanager gave up on a notification",
    clears="10 minutes after the last failure",
    summary="""
        Prometheus alerts reach Alertmanager but not {{ $labels.integration }}, so pages may be lost. Alertmanager's
        log has
        the error.
    """,
    description="""
        Undelivered notifications to {{ $labels.integration }} in the last 10 minutes: {{ printf "%.0f" $value }}.
 Most often the key or the address is rejected, or the network is down. Alertmanager retries; until it
        succeeds, notifications are late.
    """,
    dashboard=graph("alertmanager_notifications_failed_total{@integration}"),
    has_outputs=False,
)

_FRESH = "time() - timestamp(up) <= $fresh"

NOT_STORED = Alert(
    "VaeSamplesNotStored",
    "page",
    f"absent({_FRESH})",
    hold="1m",
    why=(
        "Holds for a minute: after a restart, Prometheus evaluates the rules before its first scrape. Alerts need no "
        "storage, so this one fires when the disk is full. All alerts about runs need stored samples."
    ),
    when="Prometheus has stored no scrape for $fresh s, for 1 minute, so no run is judged",
    clears="when it stores one",
    summary="""
        Prometheus stores no samples: no run is judged, and no other page can fire. Check its disk and its log.
    """,
    description="""
        The last scrape of any target was stored more than $fresh s ago. Most often the disk of Prometheus is full, or
        its
        configuration has no targets. Training continues, but a run that diverges now is not noticed. The Watchdog has
        stopped as well.
    """,
    dashboard=graph("timestamp(up)"),
    has_outputs=False,
)

WATCHDOG = Alert(
    "Watchdog",
    "none",
    f"group({_FRESH})",
    when="while Prometheus stores samples: if it is missing, nothing is watching the runs",
    clears="when Prometheus has stored no scrape for $fresh s",
    summary="Prometheus stores samples, and Alertmanager works. If this stops arriving, nothing is watching the runs.",
    description="This alert fires as long as the monitoring works, so an outside service can notice when it stops.",
    dashboard=RULES_PAGE,
    has_outputs=False,
)
