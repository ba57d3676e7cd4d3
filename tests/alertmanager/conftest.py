"""amtool and the shipped configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from children import finished

from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def configuration() -> Path:
    """Return the path of the shipped alertmanager.yml."""
    return stack_folder() / "alertmanager" / "alertmanager.yml"


@pytest.fixture(scope="session")
def real_configuration() -> Path:
    """Return the path of the shipped alertmanager.pagerduty-slack.yml."""
    return stack_folder() / "alertmanager" / "alertmanager.pagerduty-slack.yml"


@pytest.fixture(scope="session")
def amtool() -> Callable[..., str]:
    """Return a function that runs amtool, which must succeed, and returns its output."""
    program = find_program("amtool")

    def run(*arguments: str) -> str:
        done = finished([program, *arguments])
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
