"""How the commands behave in a terminal: exit codes, signals, error messages, and the files they write."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

INTERRUPTED = 130
"""What `make` and shells take for "ended by Ctrl-C": 128 + SIGINT."""

BAD_INPUT = 2
"""What typer exits with if the user typed something wrong."""


def fail(message: str, exit_code: int = 1) -> NoReturn:
    """Print *message* as an error, and exit."""
    typer.secho(f"vae-exporter: {message}", err=True, fg=typer.colors.RED)
    sys.exit(exit_code)


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Import what only the extra *name* installs, or fail and say how to install it.

    Imports stand within the commands: torch and matplotlib take seconds, and most commands need neither.
    """
    try:
        yield
    except ImportError as missing:
        fail(f"{missing.name} is missing: pip install '/path/to/vae-exporter[{name}]'")


def end_like_ctrl_c(*signals: signal.Signals) -> None:
    """Let each of *signals* raise KeyboardInterrupt, as SIGINT does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)


def write_page(path: Path, page: str, option: str, exit_code: int = 1) -> None:
    """Write *page* to *path*, which the user gave as *option*."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror or error}; give another {option}", exit_code)
