"""Test the pager over HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from vae_exporter._serve.http import HttpServer, serve
from vae_exporter.pager import PagerSink, pager_app

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Pager:
    """A sink with a simulated clock, served over HTTP."""

    now: float = 1000.0
    sink: PagerSink = field(init=False)
    server: HttpServer = field(init=False)

    def __post_init__(self) -> None:
        self.sink = PagerSink(clock=lambda: self.now)
        self.server = serve(pager_app(self.sink), host="127.0.0.1", port=0)

    def ask(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> tuple[int, str, str]:
        """Return the status, content type and body of the answer."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
        finally:
            connection.close()

    def page(self, title: str = "Stop it.", text: str = "", links: list[dict[str, str]] | None = None) -> None:
        """Send a page."""
        payload = {"summary": title, "custom_details": {"firing": text}}
        event = {"event_action": "trigger", "dedup_key": title, "payload": payload, "links": links or []}
        assert self.ask("POST", "/pagerduty", json.dumps(event))[0] == 202


@pytest.fixture
def pager() -> Iterator[Pager]:
    pager = Pager()
    yield pager
    pager.server.close()


BEAT = '{"status": "firing", "alerts": [{"annotations": {}}]}'


def test_the_answer_to_an_event_is_that_of_pagerduty(pager: Pager) -> None:
    event = '{"event_action": "trigger", "dedup_key": "a", "payload": {"summary": "Stop it."}}'

    status, content_type, body = pager.ask("POST", "/pagerduty", event)

    assert (status, content_type) == (202, "application/json")
    assert json.loads(body) == {"status": "success", "message": "Event processed", "dedup_key": "a"}


def test_the_answer_to_a_message_is_that_of_slack(pager: Pager) -> None:
    assert pager.ask("POST", "/slack", '{"text": "hello"}')[::2] == (200, "ok")


@pytest.mark.parametrize("path", ["/webhook", "/heartbeat"])
def test_a_webhook_is_accepted(pager: Pager, path: str) -> None:
    assert pager.ask("POST", path, BEAT)[0] == 200
    assert len(pager.sink.notifications) == 1


def test_notifications_as_json(pager: Pager) -> None:
    pager.page("Stop it.", links=[{"text": "Runbook", "href": "https://docs/r"}])
    pager.ask("POST", "/heartbeat", BEAT)

    status, content_type, body = pager.ask("GET", "/notifications")

    assert (status, content_type) == (200, "application/json")
    state = json.loads(body)
    assert state["last_heartbeat"] == 1000.0
    assert [(n["kind"], n["title"]) for n in state["notifications"]] == [("page", "Stop it."), ("heartbeat", "Alert")]
    assert state["notifications"][0]["links"] == [{"text": "Runbook", "url": "https://docs/r"}]


def test_the_web_page_lists_the_newest_first(pager: Pager) -> None:
    pager.page("First")
    pager.page("Second", "* Second\n  Words", [{"text": "Runbook", "href": "https://docs/r"}])

    status, content_type, body = pager.ask("GET", "/")

    assert (status, content_type) == (200, "text/html; charset=utf-8")
    assert re.findall("<h2>(.*)</h2>", body) == ["Second", "First"]
    assert "<p>Words</p>" in body
    assert '<a href="https://docs/r" rel="noopener noreferrer">Runbook</a>' in body


def test_the_web_page_shows_the_last_hundred(pager: Pager) -> None:
    for number in range(101):
        pager.page(f"Number {number}")

    body = pager.ask("GET", "/")[2]

    assert re.findall("<h2>Number (.*)</h2>", body) == [str(number) for number in range(100, 0, -1)]
    assert '<a href="/notifications">' in body


def test_the_web_page_shows_the_age_of_the_heartbeat(pager: Pager) -> None:
    assert "No heartbeat yet" in pager.ask("GET", "/")[2]

    pager.ask("POST", "/heartbeat", BEAT)
    pager.now += 42
    assert "Last heartbeat 42 s ago" in pager.ask("GET", "/")[2]

    pager.now += 600
    assert "Last heartbeat 10 min ago, expected every minute" in pager.ask("GET", "/")[2]


def test_the_text_of_a_notification_is_escaped_on_the_web_page(pager: Pager) -> None:
    pager.page(
        '<script>"&', "<b>{0}</b>", [{"text": "<i>", "href": "javascript:alert(1)"}, {"href": 'https://x/"><script>'}]
    )

    body = pager.ask("GET", "/")[2]

    assert "&lt;script&gt;&quot;&amp;" in body
    assert "&lt;b&gt;{0}&lt;/b&gt;" in body
    assert 'href="https://x/&quot;&gt;&lt;script&gt;"' in body
    assert not re.search("<script|<b>|<i>|javascript", body)


def test_healthz(pager: Pager) -> None:
    assert pager.ask("GET", "/healthz")[::2] == (200, "ok\n")


def test_an_invalid_event_is_rejected_in_the_format_that_alertmanager_logs(pager: Pager) -> None:
    status, content_type, body = pager.ask("POST", "/pagerduty", "{}")

    assert (status, content_type) == (400, "application/json")
    assert json.loads(body)["errors"] == ["event_action must be trigger or resolve, got ''"]


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("/slack", b"", "the body is not JSON: "),
        ("/slack", b"\xff", "the body is not UTF-8: "),
        ("/slack", b"[" * 100_000, "the body is not JSON: "),
        ("/webhook", b"{}", "status must be firing or resolved, got ''"),
        ("/heartbeat", b"3", "the body must be an object, got a number"),
    ],
)
def test_the_answer_to_an_invalid_body_says_what_is_wrong(pager: Pager, path: str, body: bytes, complaint: str) -> None:
    status, content_type, answer = pager.ask("POST", path, body)

    assert (status, content_type) == (400, "text/plain; charset=utf-8")
    assert answer.startswith(complaint)
    assert pager.sink.notifications == ()


def test_a_body_over_a_mebibyte_is_rejected(pager: Pager) -> None:
    status, _, answer = pager.ask("POST", "/slack", b" " * ((1 << 20) + 1))

    assert status == 413
    assert answer == "the body must have at most 1048576 bytes, got 1048577\n"


def test_a_body_of_a_mebibyte_is_accepted(pager: Pager) -> None:
    message = b'{"text": "hello"}'

    assert pager.ask("POST", "/slack", message.ljust(1 << 20))[0] == 200


@pytest.mark.parametrize("length", ["", "-1", "many", "9" * 5000])
def test_a_body_of_unknown_length_is_rejected(pager: Pager, length: str) -> None:
    assert pager.ask("POST", "/slack", Content_Length=length)[0] == 411


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("GET", "/slack", 405), ("POST", "/", 405)]
)
def test_the_answer_to_an_unknown_path_lists_the_endpoints(pager: Pager, method: str, path: str, status: int) -> None:
    answer = pager.ask(method, path)

    assert answer[0] == status
    assert "POST /pagerduty, /slack, /webhook, /heartbeat" in answer[2]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example.org"},
        {"Host": "rebound.example.org:9661", "Origin": "http://rebound.example.org:9661"},
        {"Origin": "https://example.org"},
        {"Origin": "null"},
        {"Host": "[::1"},
    ],
    ids=["another name", "another name as its own origin", "another website", "a file", "invalid"],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/slack"), ("GET", "/notifications")])
def test_another_website_can_neither_write_nor_read(
    pager: Pager, method: str, path: str, headers: dict[str, str]
) -> None:
    pager.page("secret")

    status, _, body = pager.ask(method, path, '{"text": "hello"}', **headers)

    assert status == 403
    assert "secret" not in body
    assert len(pager.sink.notifications) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9661", "localhost:9661", "LOCALHOST", "monitor:9661", "[::1]:9661", "10.0.0.7"]
)
def test_its_own_names_are_accepted_also_as_an_origin(pager: Pager, host: str) -> None:
    assert pager.ask("POST", "/slack", '{"text": "hello"}', Host=host)[0] == 200
    assert pager.ask("POST", "/slack", '{"text": "hello"}', Host=host, Origin=f"http://{host}")[0] == 200


def test_the_name_that_it_listens_on_is_accepted() -> None:
    sink = PagerSink()
    server = serve(pager_app(sink, host="Monitor.example.org"), host="127.0.0.1", port=0)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": "monitor.example.org:9661"})
        assert connection.getresponse().status == 200
    finally:
        connection.close()
        server.close()
