"""Quoting of user-supplied names in PromQL."""

from __future__ import annotations


def promql_string(value: str) -> str:
    """Return *value* as a PromQL string literal in double quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
