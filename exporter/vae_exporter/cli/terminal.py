"""Exit codes, signals, error messages and file output, for all commands."""

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
"""The exit code by which `make` and shells recognize Ctrl-C: 128 + SIGINT."""

BAD_INPUT = 2
"""The exit code of typer's own usage errors."""


def fail(message: str, exit_code: int = 1) -> NoReturn:
    """Print *message* to stderr and exit."""
    typer.secho(f"vae-exporter: {message}", err=True, fg=typer.colors.RED)
    sys.exit(exit_code)


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Turn an ImportError in the block into an error message that says to install the extra *name*.

    Commands import what they need when they run: torch and matplotlib take seconds, and most commands need neither.
    """
    try:
        yield
    except ImportError as missing:
        fail(f"{missing.name} is not installed; run: pip install '/path/to/vae-exporter[{name}]'")


def end_like_ctrl_c(*signals: signal.Signals) -> None:
    """Make each of *signals* raise KeyboardInterrupt, as SIGINT does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)


def write_page(path: Path, page: str, option: str, exit_code: int = 1) -> None:
    """Write *page* to *path*, the value of the command-line option *option*. Exit with *exit_code* on failure."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror or error}; choose another path with {option}", exit_code)
