"""From an alert to the pager: a real Alertmanager with the shipped configuration, and the real sink."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from alerting import Alertmanager, alert, alertmanager, shortened
from deadline import wait_until

from vae_exporter._serve.http import serve
from vae_exporter.pager import Link, Notification, PagerSink, pager_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COVERED_BY_THE_PAGE = ["VaeNllRising", "VaeNllSpike", "VaeNllSuspicious", "VaeBandsUnfit", "VaeConfidenceGap"]
NOT_COVERED_BY_THE_PAGE = [
    "VaeKlAbnormal",
    "VaeLossSumMismatch",
    "VaeRunUnjudged",
    "VaeExporterVersion",
    "VaeValidationGap",
    "VaeGpuMemoryPressure",
]


@dataclass(frozen=True)
class Delivery:
    """An Alertmanager and the *sink* that it notifies."""

    alertmanager: Alertmanager
    sink: PagerSink

    def fire(self, *alerts: dict[str, Any]) -> None:
        self.alertmanager.send(*alerts)

    def came(self, kind: str, run: str | None, title: str = "") -> list[Notification]:
        """Return the notifications of that *kind* about *run* with *title* in their title."""
        return [n for n in self.sink.notifications if (n.kind, n.run) == (kind, run) and title in n.title]

    def wait_for(self, kind: str, run: str | None, title: str = "") -> Notification:
        """Wait for such a notification and return the first."""
        wait_until(lambda: bool(self.came(kind, run, title)), f"{kind} about {run}: {title}")
        return self.came(kind, run, title)[0]


def to_the_sink(configuration: dict[str, Any], sink_url: str) -> dict[str, Any]:
    """Return the *configuration*, changed to notify the sink at *sink_url*."""
    for receiver in configuration["receivers"]:
        for integration in (one for several in receiver.values() if isinstance(several, list) for one in several):
            key = "url" if "url" in integration else "api_url"
            integration[key] = sink_url + urlsplit(integration[key]).path
    return configuration


@pytest.fixture(scope="module")
def delivery(configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    sink = PagerSink()
    server = serve(pager_app(sink), host="127.0.0.1", port=0)
    try:
        content = to_the_sink(shortened(configuration), server.url)
        with alertmanager(content, tmp_path_factory.mktemp("alertmanager")) as running:
            yield Delivery(running, sink)
    finally:
        server.close()


def test_a_page_arrives_with_its_text_and_links(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "words", "page"))

    page = delivery.wait_for("page", "words")

    assert page.title == "Run words: VaeNllDiverged. Stop it."
    assert page.text == "* Run words: VaeNllDiverged. Stop it.\n  NLL 0.45 at step 437: above 0.30."
    assert page.links == (
        Link("Runbook", "https://docs/VaeNllDiverged"),
        Link("Dashboard", "https://grafana/d/run?var-run=x&from=now-1h"),
    )


def test_a_page_also_goes_to_the_chat(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "both", "page"))

    message = delivery.wait_for("chat", "both")

    assert message.title == "Page: Run both: VaeNllDiverged. Stop it."
    assert message.text == "NLL 0.45 at step 437: above 0.30."
    assert message.links == delivery.wait_for("page", "both").links


def test_a_ticket_pages_nobody(delivery: Delivery) -> None:
    delivery.fire(alert("VaeBandsUnfit", "slow", "ticket"))

    assert delivery.wait_for("chat", "slow").title == "Ticket: Run slow: VaeBandsUnfit. Stop it."
    assert not delivery.came("page", "slow")


def test_one_incident_from_its_page_to_its_end(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "incident", "page"))
    page = delivery.wait_for("page", "incident")

    delivery.fire(alert("VaeLossNonfinite", "incident", "page"))
    update = delivery.wait_for("update", "incident", "(1 of 2 alerts, also VaeNllDiverged)")

    delivery.fire(*(alert(name, "incident", "page", over=True) for name in ("VaeNllDiverged", "VaeLossNonfinite")))
    end = delivery.wait_for("resolved", "incident")

    assert page.incident == update.incident == end.incident
    assert delivery.came("page", "incident") == [page]
    assert end.title.startswith("No longer firing: ")


def test_a_diverged_run_is_one_page_and_the_tickets_that_add_something(delivery: Delivery) -> None:
    tickets = [*COVERED_BY_THE_PAGE, *NOT_COVERED_BY_THE_PAGE]
    delivery.fire(
        alert("VaeNllDiverged", "diverged", "page"),
        *(alert(name, "diverged", "ticket") for name in tickets),
        *(alert(name, "other", "ticket") for name in tickets),
    )
    delivery.wait_for("page", "diverged")
    other = delivery.wait_for("chat", "other")
    ticket = delivery.wait_for("chat", "diverged", "Ticket: ")

    # By the time a later ticket arrives, an earlier one would have.
    delivery.fire(alert("VaeBandsUnfit", "later", "ticket"))
    delivery.wait_for("chat", "later")

    assert [name for name in tickets if name in other.raw] == tickets
    assert [name for name in tickets if name in ticket.raw] == NOT_COVERED_BY_THE_PAGE
    assert sorted(n.kind for n in delivery.sink.notifications if n.run == "diverged") == ["chat", "chat", "page"]


def test_a_ticket_that_the_page_held_back_arrives_when_the_page_resolves(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "blurred", "page"), alert("VaeConfidenceGap", "blurred", "ticket"))
    delivery.wait_for("page", "blurred")

    delivery.fire(alert("VaeNllDiverged", "blurred", "page", over=True))

    delivery.wait_for("resolved", "blurred")
    delivery.wait_for("chat", "blurred", "Ticket: Run blurred: VaeConfidenceGap")


def test_a_cause_that_changes_pages_once(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "cause", "page", annotations={"description": "The cause is rec."}))
    page = delivery.wait_for("page", "cause")

    delivery.fire(alert("VaeNllDiverged", "cause", "page", annotations={"description": "The cause is perception."}))
    # By the time a later page arrives, an update would have.
    delivery.fire(alert("VaeNllDiverged", "later cause", "page"))
    delivery.wait_for("page", "later cause")
    delivery.fire(alert("VaeNllDiverged", "cause", "page", over=True))
    end = delivery.wait_for("resolved", "cause")

    received = [n for n in delivery.sink.notifications if n.run == "cause" and n.kind != "chat"]
    assert received == [page, end]
    assert "The cause is rec." in page.text


def test_two_runs_at_once_are_two_incidents(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "first", "page"), alert("VaeNllDiverged", "second", "page"))
    first, second = delivery.wait_for("page", "first"), delivery.wait_for("page", "second")

    delivery.fire(alert("VaeNllDiverged", "first", "page", over=True))
    end = delivery.wait_for("resolved", "first")

    assert "second" not in first.raw
    assert "first" not in second.raw
    assert first.incident == end.incident != second.incident
    assert not delivery.came("resolved", "second")


def test_a_run_that_diverged_and_died_is_one_incident_until_both_are_over(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", "dies", "page"))
    page = delivery.wait_for("page", "dies")

    delivery.fire(alert("VaeExporterDown", "dies", "page", rank="0"))
    death = delivery.wait_for("update", "dies", "(1 of 2 alerts, also VaeExporterDown)")
    delivery.fire(alert("VaeExporterDown", "dies", "page", rank="0", over=True))
    wait_until(lambda: len(delivery.came("update", "dies")) == 2, "the run is scraped again")
    assert not delivery.came("resolved", "dies")
    delivery.fire(alert("VaeNllDiverged", "dies", "page", over=True))
    end = delivery.wait_for("resolved", "dies")

    assert page.incident == death.incident == end.incident
    assert "Run dies: VaeExporterDown" in death.text
    assert "No longer firing: VaeExporterDown" in delivery.came("update", "dies")[1].text


def test_a_silence_also_holds_back_the_end(delivery: Delivery) -> None:
    """PagerDuty then keeps the incident open; docs/paging.md says to resolve it there."""
    delivery.fire(alert("VaeNllDiverged", "silenced", "page"))
    delivery.wait_for("page", "silenced")

    delivery.alertmanager.silence("silenced")
    delivery.fire(alert("VaeNllDiverged", "silenced", "page", over=True))
    delivery.fire(alert("VaeNllDiverged", "after the silence", "page"))
    delivery.wait_for("page", "after the silence")

    assert not delivery.came("resolved", "silenced")


def test_a_rank_that_disappeared_inhibits_only_its_stall(delivery: Delivery) -> None:
    delivery.fire(
        alert("VaeExporterDown", "killed", "page", rank="0"),
        alert("VaeTrainingStalled", "killed", "page", rank="0"),
        alert("VaeRunNameTaken", "killed", "ticket", rank="0"),
        alert("VaeTrainingStalled", "hangs", "page", rank="0"),
    )
    delivery.wait_for("page", "hangs", "VaeTrainingStalled")
    delivery.wait_for("page", "killed", "VaeExporterDown")
    delivery.wait_for("chat", "killed", "VaeRunNameTaken")

    delivery.fire(alert("VaeTrainingStalled", "killed", "page", rank="1"))
    update = delivery.wait_for("update", "killed", "(1 of 2 alerts, also VaeTrainingStalled)")

    assert update.raw.count("Run killed: VaeTrainingStalled") == 1


def test_an_alert_without_a_run_inhibits_nothing(delivery: Delivery) -> None:
    delivery.fire(alert("VaeNllDiverged", None, "page"), alert("VaeBandsUnfit", None, "ticket"))

    delivery.wait_for("page", None, "VaeNllDiverged")
    delivery.wait_for("chat", None, "VaeBandsUnfit")


def test_the_watchdog_is_a_heartbeat(delivery: Delivery) -> None:
    assert delivery.sink.last_heartbeat is None

    delivery.fire(alert("Watchdog", None, "none"))
    wait_until(lambda: delivery.sink.last_heartbeat is not None, "a heartbeat")

    assert not delivery.came("chat", None, "Watchdog")
    assert not delivery.came("page", None, "Watchdog")


@pytest.mark.parametrize(
    "run", ["quo\"te's", "{{ .Status }}", "{{ unclosed", "key: [value", "<!channel>&amp;", "[bold]"]
)
def test_a_nasty_name_loses_no_page(delivery: Delivery, run: str) -> None:
    delivery.fire(alert("VaeNllDiverged", run, "page"))

    title = f"Run {run}: VaeNllDiverged. Stop it."
    assert delivery.wait_for("page", run).title == title
    assert delivery.wait_for("chat", run).title == f"Page: {title}"


@pytest.mark.parametrize(
    ("page", "ticket"),
    [
        ("VaeGpuFailing", "VaeGpuRowRemapPending"),
        ("VaeGpuFailing", "VaeGpuSampleStale"),
        ("VaeGpuOutOfMemory", "VaeGpuMemoryPressure"),
    ],
)
def test_a_page_about_a_gpu_inhibits_a_ticket_about_the_same_gpu_only(
    delivery: Delivery, page: str, ticket: str
) -> None:
    delivery.fire(
        alert(page, f"same {ticket}", "page", gpu="GPU-a"),
        alert(ticket, f"same {ticket}", "ticket", gpu="GPU-a"),
        alert(page, f"two {ticket}", "page", gpu="GPU-a"),
        alert(ticket, f"two {ticket}", "ticket", gpu="GPU-b"),
    )
    delivery.wait_for("page", f"same {ticket}", page)
    delivery.wait_for("chat", f"two {ticket}", f"Ticket: Run two {ticket}")

    # By the time a later ticket arrives, an earlier one would have.
    delivery.fire(alert(ticket, f"later {ticket}", "ticket", gpu="GPU-a"))
    delivery.wait_for("chat", f"later {ticket}")

    assert not delivery.came("chat", f"same {ticket}", "Ticket: ")
