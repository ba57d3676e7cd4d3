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

WATCHDOG = Alert(
    "Watchdog",
    "none",
    "vector(1)",
    when="always: if it is missing, nothing is watching the runs",
    clears="never",
    summary="Prometheus and Alertmanager work. If this stops arriving, nothing is watching the runs.",
    description="This alert always fires, so an outside service can notice when it stops.",
    dashboard=RULES_PAGE,
    has_outputs=False,
)
