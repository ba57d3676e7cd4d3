"""The rules as objects of the Prometheus Operator."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING

from vae_rules.writing import GENERATED, INTERVAL, rule_groups

if TYPE_CHECKING:
    from vae_rules.identity import Identity
    from vae_rules.rule import RuleFile


def prometheus_rule(file: RuleFile, identity: Identity, max_rules: int | None = None) -> str:
    """Return the YAML of the PrometheusRule that has the rules of *file*."""
    lines = [
        GENERATED,
        "apiVersion: monitoring.coreos.com/v1",
        "kind: PrometheusRule",
        "metadata:",
        f"  name: vae-{file.name}",
        "spec:",
    ]
    groups = indent("\n".join(rule_groups(file, identity, max_rules, INTERVAL)), "  ")
    return "\n".join([*lines, groups]) + "\n"
