"""Alerts about the watching itself."""

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
        Its rules page shows the error.
    """,
    description="""
        {{ printf "%.0f" $value }} evaluations failed within the last 5 minutes, in {{ $labels.rule_group }}. A rule
        that fails
        judges no run at all. {{ $externalURL }}/rules shows which one fails, and its error.
    """,
    dashboard=RULES_PAGE,
    has_outputs=False,
)

NOTIFICATIONS_FAILING = Alert(
    "VaeNotificationsFailing",
    "ticket",
    "sum by (integration) (increase(alertmanager_notifications_failed_total[10m])) > 0",
    why=(
        "A page that cannot be delivered still reaches the chat, and so does this. Alertmanager counts it when "
        "it gives up."
    ),
    when="Alertmanager gave up on a notification",
    clears="10 minutes after the last one",
    summary="""
        Prometheus reaches Alertmanager, but not {{ $labels.integration }}: pages may be lost. Alertmanager's log has
        the error.
    """,
    description="""
        Alertmanager could not deliver {{ printf "%.0f" $value }} notifications by {{ $labels.integration }} within
        the last 10
        minutes. Most often its key or address is refused, or the network is down. Alertmanager retries; what it could
        not send
        in the meantime is late.
    """,
    dashboard=graph("alertmanager_notifications_failed_total{@integration}"),
    has_outputs=False,
)

WATCHDOG = Alert(
    "Watchdog",
    "none",
    "vector(1)",
    when="always: its absence shows that nobody is watching",
    clears="never",
    summary="Prometheus and Alertmanager work. If this stops arriving, nobody is watching the runs.",
    description="This alert always fires, so that its absence can be noticed from outside.",
    dashboard=RULES_PAGE,
    has_outputs=False,
)
