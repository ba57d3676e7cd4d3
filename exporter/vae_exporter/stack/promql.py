"""How PromQL writes what a user has named."""

from __future__ import annotations


def promql_string(value: str) -> str:
    """Return *value* as a string of PromQL, in double quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
