"""The rules in the shipped files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "prometheus" / "rules"

RULES: list[dict[str, Any]] = [
    rule
    for file in sorted(FOLDER.glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]


def labels_of_rules(*names: str) -> set[tuple[str, ...]]:
    """Return the values of the labels *names* of every rule that sets all of them."""
    found = (rule.get("labels", {}) for rule in RULES if "record" in rule)
    return {tuple(labels[name] for name in names) for labels in found if labels.keys() >= set(names)}
