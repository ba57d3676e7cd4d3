"""Fixtures of the tests in this folder."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from trained_process import DEADLINE_SECONDS, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[..., Trainer]]:
    """Return a function that starts a `Trainer`."""
    with ExitStack() as stack:

        def start(
            script: str, *arguments: str, before: str = "", linger: float = DEADLINE_SECONDS, stderr: Path | None = None
        ) -> Trainer:
            trainer = Trainer(tmp_path, script, before, linger, arguments, stderr)
            stack.enter_context(trainer.running())
            return trainer

        yield start
