"""Notices gevent, whose threads run only while the training waits, which it never does."""

from __future__ import annotations

import sys


def is_patched_by_gevent() -> bool:
    """Return whether gevent has replaced threads or sockets in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and any(monkey.is_module_patched(name) for name in ("threading", "socket"))
