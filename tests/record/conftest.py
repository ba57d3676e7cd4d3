"""Fixtures of the tests in this folder."""

from __future__ import annotations

import pytest
from simulated_training import Training


@pytest.fixture
def training() -> Training:
    return Training()
