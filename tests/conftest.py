"""What several test files share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vae_exporter._settings import RunSettings, check_settings

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make_settings() -> Callable[..., RunSettings]:
    """Return a function that checks the settings it is given, in an environment without a rank; the rest is absent."""

    def make(**given: Any) -> RunSettings:  # noqa: ANN401 - what a user gives
        settings: dict[str, Any] = {
            "run": "r",
            "rank": None,
            "loss_weights": None,
            "band_edges": None,
            "info": None,
            "outputs_url": None,
            "start_step": None,
            "environment": {},
        }
        return check_settings(**{**settings, **given})

    return make
