"""Where a run is served and found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter._serve.place import Place, check_place
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

VALID = {"host": "::1", "port": 9645, "targets_dir": None, "advertise": None, "web_config": None}


@pytest.mark.parametrize("port", [0, 1, 9645, 65535])
def test_a_valid_place(port: int, tmp_path: Path) -> None:
    place = check_place(**{**VALID, "port": port, "targets_dir": str(tmp_path), "advertise": "node7"})
    assert place == Place("::1", port, tmp_path, "node7")


@pytest.mark.parametrize("port", [-1, 65536, 9645.0, "9645", None, True])
def test_an_invalid_port(port: object) -> None:
    with pytest.raises(SettingsError) as raised:
        check_place(**{**VALID, "port": port})
    assert str(raised.value) == f"port must be between 0 and 65535, got {port!r}; 0 selects any free port"


@pytest.mark.parametrize("host", [None, 127, "127.0.0.1\u0661"])
def test_an_invalid_host(host: object) -> None:
    with pytest.raises(SettingsError, match="host must be an address such as"):
        check_place(**{**VALID, "host": host})
