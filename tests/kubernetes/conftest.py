"""The built objects."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes_objects import FOLDERS, built


@pytest.fixture(scope="session")
def objects() -> dict[str, list[dict[str, Any]]]:
    """Return the objects of each folder of deploy/kubernetes."""
    return {folder: built(folder) for folder in FOLDERS}
