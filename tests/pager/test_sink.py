"""Test what the pager keeps."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from vae_exporter.pager import Notification, PagerSink

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def event(incident: str, title: str = "Stop it.", action: str = "trigger") -> str:
    return json.dumps({"event_action": action, "dedup_key": incident, "payload": {"summary": title}})


def beat(status: str = "firing") -> str:
    return json.dumps({"status": status, "alerts": [{"annotations": {"summary": "Alerting works."}}]})


def test_an_incident_pages_once_until_it_is_resolved() -> None:
    sink = PagerSink()

    for body in (event("a"), event("a"), event("b"), event("a", action="resolve"), event("a")):
        sink.take_pagerduty(body)

    assert [(n.kind, n.incident) for n in sink.notifications] == [
        ("page", "a"),
        ("update", "a"),
        ("page", "b"),
        ("resolved", "a"),
        ("page", "a"),
    ]


def test_the_resolution_of_an_unknown_incident_is_kept() -> None:
    sink = PagerSink()

    sink.take_pagerduty(event("unknown", action="resolve"))

    assert [n.kind for n in sink.notifications] == ["resolved"]


def test_a_notification_has_the_time_of_the_clock() -> None:
    sink = PagerSink(clock=lambda: 1234.5)

    assert sink.take_slack('{"text": "hello"}').received_at == 1234.5


def test_only_the_first_heartbeat_is_a_notification() -> None:
    now = [100.0]
    sink = PagerSink(clock=lambda: now[0])
    assert sink.last_heartbeat is None

    sink.take_heartbeat(beat())
    now[0] = 160.0
    sink.take_heartbeat(beat())

    assert sink.last_heartbeat == 160.0
    assert [(n.kind, n.title, n.received_at) for n in sink.notifications] == [("heartbeat", "Alerting works.", 100.0)]


def test_a_resolved_watchdog_is_not_a_heartbeat() -> None:
    sink = PagerSink()

    sink.take_heartbeat(beat("resolved"))

    assert sink.last_heartbeat is None


def test_the_last_thousand_notifications_are_kept() -> None:
    sink = PagerSink()

    for number in range(1002):
        sink.take_pagerduty(event(str(number)))

    assert [n.incident for n in sink.notifications] == [str(number) for number in range(2, 1002)]


def test_no_flood_of_chat_drops_a_page() -> None:
    sink = PagerSink()
    sink.take_slack('{"text": "first"}')
    sink.take_pagerduty(event("a"))

    for _ in range(2000):
        sink.take_slack('{"text": "hello"}')

    assert len(sink.notifications) == 1001
    assert sink.notifications[0].incident == "a"


def test_what_is_kept_is_bounded_by_bytes() -> None:
    sink = PagerSink()

    for number in range(20):
        sink.take_slack(json.dumps({"text": f"{number} " + "x" * 500_000}))

    kept = [int(n.title.split()[0]) for n in sink.notifications]
    assert kept == list(range(20 - len(kept), 20))
    assert sum(len(n.raw) + len(n.text) + len(n.title) for n in sink.notifications) < 16 << 20


def test_a_notification_after_a_half_written_line_is_a_line_of_its_own(tmp_path: Path) -> None:
    store = tmp_path / "pages.jsonl"
    store.write_text('{"kind": "pa')  # the disk was full

    sink = PagerSink(store=store)
    sink.take_pagerduty(event("a"))
    sink.take_pagerduty(event("b"))

    lines = store.read_text().splitlines()
    assert [json.loads(line)["incident"] for line in lines[1:]] == ["a", "b"]


def test_each_notification_is_stored_as_a_line_of_json(tmp_path: Path) -> None:
    store = tmp_path / "pages.jsonl"
    sink = PagerSink(clock=lambda: 5.0, store=store)

    sink.take_pagerduty(event("a", "caf\u00e9"))
    sink.take_pagerduty(event("a", action="resolve"))

    stored = [json.loads(line) for line in store.read_text().splitlines()]
    assert [(line["kind"], line["title"], line["received_at"]) for line in stored] == [
        ("page", "caf\u00e9", 5.0),
        ("resolved", "Stop it.", 5.0),
    ]
    assert stored[0]["raw"] == event("a", "caf\u00e9")


def test_a_failing_store_loses_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sink = PagerSink(store=tmp_path / "missing" / "pages.jsonl")

    sink.take_pagerduty(event("a"))

    assert [n.kind for n in sink.notifications] == ["page"]
    assert "could not write a notification" in caplog.text


def test_the_callback_gets_each_notification() -> None:
    seen: list[Notification] = []
    sink = PagerSink(on_notification=seen.append)

    page = sink.take_pagerduty(event("a"))

    assert seen == [page]


def test_a_failing_callback_loses_no_page(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Notification) -> None:
        raise RuntimeError("no screen")

    sink = PagerSink(on_notification=fail)
    sink.take_pagerduty(event("a"))

    assert [n.kind for n in sink.notifications] == ["page"]
    assert "no screen" in caplog.text


def test_the_sink_is_thread_safe() -> None:
    sink = PagerSink()
    threads = [threading.Thread(target=lambda: [sink.take_pagerduty(event("a")) for _ in range(100)]) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(n.kind for n in sink.notifications) == ["page"] + ["update"] * 799
