"""Fixtures of the tests in this folder."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from trained_process import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[..., Trainer]]:
    """Return a function that starts a `Trainer`."""
    with ExitStack() as stack:

        def start(script: str, *arguments: str, **options: Any) -> Trainer:  # noqa: ANN401 - of Trainer
            trainer = Trainer(tmp_path, script, arguments=arguments, **options)
            stack.enter_context(trainer.running())
            return trainer

        yield start
