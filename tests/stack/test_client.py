"""Test the client against real servers, and against servers that give unexpected answers."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest
from alerting import alert
from alerting import alertmanager as alertmanager_to_notify
from deadline import wait_until

from vae_exporter._serve.http import reply, serve
from vae_exporter.stack.client import Alertmanager, AnswerError, Prometheus, Series
from vae_exporter.stack.promql import promql_string
from vae_exporter.stack.servers import Intervals, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    fast = Intervals(scrape="200ms", evaluation="200ms")
    with prometheus(folder, targets=["127.0.0.1:1"], alertmanager_url=NOBODY, intervals=fast) as url:
        yield Prometheus(url)


class TestPrometheus:
    def test_a_running_server_is_ready_and_healthy(self, server: Prometheus) -> None:
        assert server.is_ready()
        server.check_health()

    def test_a_query_returns_labels_and_values(self, server: Prometheus) -> None:
        (series,) = server.query('label_replace(vector(7), "run", "x", "", "")')
        assert (series.labels, series.value) == ({"run": "x"}, 7.0)
        assert server.value("vector(7)") == 7.0
        assert server.value("vector(7) > 8") is None

    def test_a_query_can_be_evaluated_at_a_given_time(self, server: Prometheus) -> None:
        assert server.query("vector(time())", at=1000.5) == [Series({}, ((1000.5, 1000.5),))]

    def test_a_range_query_returns_every_point(self, server: Prometheus) -> None:
        found = server.query_range("vector(time())", start=1000, end=1004, step=2)
        assert found == [Series({}, ((1000.0, 1000.0), (1002.0, 1002.0), (1004.0, 1004.0)))]

    def test_label_values_can_be_current_or_historical(self, server: Prometheus) -> None:
        numbers = 'label_replace(vector(1), "n", "b", "", "") or label_replace(vector(1), "n", "a", "", "")'
        assert server.label_values(numbers, "n") == ["a", "b"]
        wait_until(lambda: "vae-training" in server.label_values_ever("up", "job"), "a scrape")

    def test_alerts_have_labels_and_a_state(self, server: Prometheus) -> None:
        def states() -> dict[str, str]:
            return {one["labels"]["alertname"]: one["state"] for one in server.alerts()}

        wait_until(lambda: "Watchdog" in states(), "the alert that fires while samples are stored")
        assert states()["Watchdog"] == "firing"

    def test_a_rejected_query_raises_the_servers_error_message(self, server: Prometheus) -> None:
        with pytest.raises(AnswerError, match=r"http://127.* rejected query: .*parse error"):
            server.query("vae_loss{")


def test_alertmanager_returns_its_current_alerts(tmp_path: Path) -> None:
    configuration = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    with alertmanager_to_notify(configuration, tmp_path) as server:
        server.send(alert("VaeOdd", "r", "page"))
        (known,) = Alertmanager(server.url).alerts()
    assert known["labels"]["alertname"] == "VaeOdd"
    assert known["status"]["state"] in ("unprocessed", "active")


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[]", "{}", "[" * 100_000], ids=["empty", "not JSON", "array", "empty object", "deep"]
)
def test_an_answer_that_is_not_from_prometheus_raises(body: str) -> None:
    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "200 OK", "application/json", body)

    server = serve(app, host="127.0.0.1", port=0)
    try:
        with pytest.raises(AnswerError, match=f"{server.url} does not answer like Prometheus"):
            Prometheus(server.url).alerts()
    finally:
        server.close()


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vae_exporter.stack.client._MAX_ANSWER", 1 << 20)

    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return itertools.repeat(b" " * 1024)

    server = serve(app, host="127.0.0.1", port=0)
    try:
        with pytest.raises(AnswerError, match="the answer has more than 1 MiB"):
            Prometheus(server.url).alerts()
    finally:
        server.close()


def test_an_answer_that_drips_is_given_up() -> None:
    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        for _wait in range(200):
            time.sleep(0.05)
            yield b" "

    server = serve(app, host="127.0.0.1", port=0)
    try:
        with pytest.raises(AnswerError, match=r"the answer is not complete after 0\.2 seconds"):
            Prometheus(server.url, timeout=0.2).alerts()
    finally:
        server.close()


def test_an_unreachable_server_is_neither_ready_nor_healthy() -> None:
    assert not Prometheus(NOBODY).is_ready()
    with pytest.raises(OSError, match="refused"):
        Alertmanager(NOBODY).check_health()
    with pytest.raises(AnswerError, match="does not answer like Alertmanager"):
        Alertmanager(NOBODY).alerts()


def test_a_server_that_is_starting_is_not_ready_and_its_answer_is_closed() -> None:
    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return reply(start_response, "503 Service Unavailable", "text/plain", "Service Unavailable")

    server = serve(app, host="127.0.0.1", port=0)
    try:
        assert not Prometheus(server.url).is_ready()
        with pytest.raises(HTTPError) as raised:
            Prometheus(server.url).check_health()
        assert raised.value.closed
    finally:
        server.close()


def test_a_url_without_a_scheme_raises() -> None:
    with pytest.raises(AnswerError, match=r"URL of Prometheus must start with http://.*, got 'localhost:9090'"):
        Prometheus("localhost:9090").query("up")


@pytest.mark.parametrize(
    ("name", "text"),
    [("r", '"r"'), ('a"b', r'"a\"b"'), ("a\\b", r'"a\\b"'), ("a\nb", r'"a\nb"')],
    ids=["plain", "quote", "backslash", "newline"],
)
def test_promql_strings_are_quoted_and_escaped(name: str, text: str) -> None:
    assert promql_string(name) == text
