"""Writes files that others read at any time: they see the whole content or the one before."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path

_MAX_SLUG = 64  # keeps the file name below the 143 bytes that the strictest file system (eCryptfs) allows


def slug(run: str) -> str:
    """Return the name of a run as the part of a file's name. Several runs may have the same one."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", run)[:_MAX_SLUG].strip("-") or "run"


def write_whole(path: Path, content: bytes) -> None:
    """Write *content* to *path* atomically, readable by everyone who can list the folder.

    Raises:
        OSError: If the file cannot be written.
    """
    readers = path.parent.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    # The suffix hides it from the pattern *.json, in which * also matches a leading dot in Prometheus.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)  # mode 0600
    partial = Path(name)
    try:
        with open(handle, "wb") as writer:  # noqa: PTH123 - a file descriptor has no path
            writer.write(content)
            writer.flush()
            if readers:
                os.fchmod(handle, 0o600 | readers)
            os.fsync(handle)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
