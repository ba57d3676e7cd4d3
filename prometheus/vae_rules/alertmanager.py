"""Alertmanager's configurations: one shared text, completed with the receivers of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vae_rules.identity import Identity

_SHARED = "shared.yml"
_LOCAL = "local.yml"

_DEFAULTS = {"templates": "templates/*.tmpl"}

_INTEGRATION = re.compile(
    r"^(?P<indent> +)\w+_configs:\n"
    r"(?P=indent)  - \$(?P<name>[a-z]+)\n"
    r"(?:(?P=indent)    .*\n)*",
    re.MULTILINE,
)
_PLACE = re.compile(r"^(?P<before>.*)\$(?P<name>[a-z]+)$", re.MULTILINE)


def configurations(source: Path, identity: Identity) -> dict[str, str]:
    """Return the text of each configuration by file name, built from the files in *source*.

    Each file except shared.yml has the values of one configuration. That of local.yml is alertmanager.yml, and that of
    NAME.yml is alertmanager.NAME.yml.
    """
    text = identity.of_alertmanager((source / _SHARED).read_text(encoding="utf-8"))
    return {
        "alertmanager.yml" if path.name == _LOCAL else f"alertmanager.{path.name}": _completed(
            text, _DEFAULTS | yaml.safe_load(path.read_text(encoding="utf-8"))
        )
        for path in sorted(source.glob("*.yml"))
        if path.name != _SHARED
    }


def _completed(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with the integrations that have a value, and each ``$name`` replaced by its value.

    Raises:
        KeyError: A ``$name`` outside of the integrations has no value.
    """
    chosen = _INTEGRATION.sub(lambda found: found[0] if found["name"] in values else "", text)
    return _filled(chosen, values)


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
