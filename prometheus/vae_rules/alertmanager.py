"""Alertmanager's configurations: one shared text, completed with the receivers of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
_RECEIVER = re.compile(r"^  - name: (?P<name>[a-z]+)\n(?P<integrations>(?:(?:    .*)?\n)*)", re.MULTILINE)
_ROUTE = re.compile(
    r"^(?P<receiver>      receiver: (?P<name>[a-z]+)\n)(?P<routes>      routes:\n(?:        .*\n)+)?", re.MULTILINE
)
_PLACE = re.compile(r"^(?P<before>.*)\$(?P<name>[a-z]+)$", re.MULTILINE)


def configurations(source: Path, identity: Identity) -> dict[str, str]:
    """Return the text of each configuration by file name, built from the files in *source*.

    Each file except shared.yml has the values of one configuration. That of local.yml is alertmanager.yml, and that of
    NAME.yml is alertmanager.NAME.yml. The alerts that an entry of ``owners`` matches go to receivers of its own.
    """
    text = identity.of_alertmanager((source / _SHARED).read_text(encoding="utf-8"))
    return {
        "alertmanager.yml" if path.name == _LOCAL else f"alertmanager.{path.name}": _completed(
            text, yaml.safe_load(path.read_text(encoding="utf-8"))
        )
        for path in sorted(source.glob("*.yml"))
        if path.name != _SHARED
    }


def _completed(text: str, values: Mapping[str, Any]) -> str:
    """Return *text* with the integrations that have a value, and each ``$name`` replaced by its value.

    Raises:
        KeyError: A ``$name`` outside of the integrations has no value.
    """
    for owner in values.get("owners", ()):
        text = _owned(text, owner)
    chosen = _INTEGRATION.sub(lambda found: found[0] if found["name"] in values else "", text)
    return _filled(chosen, {**_DEFAULTS, **values})


def _owned(text: str, owner: Mapping[str, str]) -> str:
    """Return *text* with a receiver ``NAME-OWNER`` for each receiver of which *owner* has an integration.

    The alerts that *owner* matches go there instead, with the waits and the repetition of the original route.
    """
    own = {
        found["name"]: f"{found['name']}-{owner['name']}"
        for found in _RECEIVER.finditer(text)
        if any(one["name"] in owner for one in _INTEGRATION.finditer(found[0]))
    }
    receivers = [
        _completed(f"  - name: {own[found['name']]}\n{found['integrations'].rstrip()}\n", owner)
        for found in _RECEIVER.finditer(text)
        if found["name"] in own
    ]

    def with_route(found: re.Match[str]) -> str:
        if found["name"] not in own:
            return found[0]
        routes = found["routes"] or "      routes:\n"
        matcher = f"        - matchers: ['{owner['matcher']}']\n"
        return f"{found['receiver']}{routes}{matcher}          receiver: {own[found['name']]}\n"

    return "\n".join([_ROUTE.sub(with_route, text), *receivers])


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
