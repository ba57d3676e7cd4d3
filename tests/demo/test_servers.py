"""The servers as local processes, where something is in their way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter._http import reply, serve
from vae_exporter.demo.servers import alertmanager, prometheus
from vae_exporter.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port where another server listens, and says that it is ready."""

    def ready(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "200 OK", "text/plain", "ready")

    other = serve(ready, host="127.0.0.1", port=0)
    yield other.port
    other.close()


def test_another_prometheus_is_not_taken_for_ours(tmp_path: Path, port: int) -> None:
    with (
        pytest.raises(StackError, match=rf"^prometheus cannot listen on 127\.0\.0\.1:{port}: "),
        prometheus(tmp_path, alertmanager_url="http://127.0.0.1:9093", port=port),
    ):
        pass


def test_another_alertmanager_is_not_taken_for_ours(tmp_path: Path, port: int) -> None:
    with (
        pytest.raises(StackError, match=rf"^alertmanager cannot listen on 127\.0\.0\.1:{port}: "),
        alertmanager(tmp_path, pager_url="http://127.0.0.1:9661", port=port),
    ):
        pass
