"""Test that `watch` notices when one of its servers dies."""

from __future__ import annotations

import threading

import pytest

from vae_exporter._serve.http import reply, serve
from vae_exporter.errors import StackError
from vae_exporter.stack.client import Alertmanager, Prometheus
from vae_exporter.stack.watch import wait_for_death

DEADLINE_SECONDS = 30


def test_the_error_names_the_server_that_died() -> None:
    asked = threading.Event()

    def app(_environ: object, start_response: object) -> object:
        asked.set()
        return reply(start_response, "200 OK", "text/plain", "healthy")  # type: ignore[arg-type]

    lives = serve(app, host="127.0.0.1", port=0)  # type: ignore[arg-type]
    dies = serve(app, host="127.0.0.1", port=0)  # type: ignore[arg-type]

    def die() -> None:
        asked.wait(DEADLINE_SECONDS)
        dies.close()

    checks: list[int] = []
    threading.Thread(target=die, daemon=True).start()
    try:
        with pytest.raises(StackError, match=f"Alertmanager at {dies.url} no longer answers"):
            wait_for_death(
                [Prometheus(lives.url), Alertmanager(dies.url)], every=0.01, each_time=lambda: checks.append(1)
            )
        assert checks
    finally:
        lives.close()
