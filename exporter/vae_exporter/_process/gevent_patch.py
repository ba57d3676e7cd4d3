"""Notices gevent, whose threads run only while the training waits, which it never does."""

from __future__ import annotations

import logging
import sys

_logger = logging.getLogger("vae_exporter")


def warn_of_gevent(run: str) -> None:
    """Log an error if gevent has replaced threads or sockets in this process, which exports *run*."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and any(monkey.is_module_patched(name) for name in ("threading", "socket")):
        _logger.error(
            "gevent has patched this process: run %r is not scraped while its training loop computes. Start the "
            "training without gevent.monkey.patch_all(), or leave out thread=True and socket=True.",
            run,
        )
