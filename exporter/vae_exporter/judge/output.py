"""Prints on standard output: wrapped on a terminal, and one line each into a pipe or a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

_PIPE_WIDTH = 10_000
"""Practically unlimited."""


def output_console() -> Console:
    """Return the console of standard output. Outside a terminal it does not wrap."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)


def show(console: Console, what: RenderableType) -> None:
    """Print *what*. Outside a terminal, strip the trailing spaces with which rich pads its rows."""
    if console.is_terminal:
        console.print(what, highlight=False)
        return
    with console.capture() as capture:
        console.print(what, highlight=False)
    sys.stdout.write("\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n")
