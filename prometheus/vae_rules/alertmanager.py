"""Alertmanager's configurations: one shared text, completed with the receivers of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vae_rules.identity import Identity

CONFIGURATIONS = {"alertmanager.yml": "local.yml", "alertmanager.pagerduty-slack.yml": "pagerduty-slack.yml"}
"""Each configuration, with the file in alertmanager/source that lists its receivers."""

_PLACE = re.compile(r"^(?P<before>.*)\$(?P<name>[a-z]+)$", re.MULTILINE)


def configurations(source: Path, identity: Identity) -> dict[str, str]:
    """Return the text of each configuration by file name, built from the files in *source*."""
    text = identity.of_alertmanager((source / "alertmanager.yml").read_text(encoding="utf-8"))
    return {
        name: _filled(text, yaml.safe_load((source / where).read_text(encoding="utf-8")))
        for name, where in CONFIGURATIONS.items()
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with each ``$name`` at the end of a line replaced by the lines of its value."""

    def lines(found: re.Match[str]) -> str:
        before = found["before"]
        after = before if before.startswith("#") else " " * len(before)
        return "\n".join(
            f"{after if number else before}{line}".rstrip()
            for number, line in enumerate(values[found["name"]].splitlines())
        )

    return _PLACE.sub(lines, text)
