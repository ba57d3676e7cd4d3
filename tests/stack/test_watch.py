"""Test that `watch` notices when one of its servers dies."""

from __future__ import annotations

import pytest

from vae_exporter._serve.http import reply, serve
from vae_exporter.errors import StackError
from vae_exporter.stack.client import Alertmanager, AnswerError, Prometheus
from vae_exporter.stack.watch import wait_for_death


def test_the_error_names_the_server_that_died_and_a_query_that_fails_is_none() -> None:
    def app(_environ: object, start_response: object) -> object:
        return reply(start_response, "200 OK", "text/plain", "healthy")  # type: ignore[arg-type]

    lives = serve(app, host="127.0.0.1", port=0)  # type: ignore[arg-type]
    dies = serve(app, host="127.0.0.1", port=0)  # type: ignore[arg-type]
    queries: list[str] = []

    def query() -> None:
        queries.append("a query")
        if len(queries) == 1:
            raise AnswerError("the server is busy")
        dies.close()

    try:
        with pytest.raises(StackError, match=f"Alertmanager at {dies.url} no longer answers"):
            wait_for_death([Prometheus(lives.url), Alertmanager(dies.url)], every=0.01, each_time=query)
    finally:
        lives.close()
    assert len(queries) == 2
