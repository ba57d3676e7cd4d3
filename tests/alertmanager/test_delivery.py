"""From an alert to the pager: a real Alertmanager under the shipped configuration, and the real sink."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
import yaml

from vae_exporter._http import serve
from vae_exporter._programs import find_program
from vae_exporter.pager import Link, Notification, PagerSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Delivery:
    """An Alertmanager at *url*, and the *sink* that it notifies."""

    url: str
    sink: PagerSink

    def ring(self, *alerts: dict[str, Any]) -> None:
        """Send the alerts to Alertmanager, as Prometheus does."""
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), headers)
        with urlopen(request, timeout=10):
            pass

    def came(self, kind: str, run: str | None, title: str = "") -> list[Notification]:
        """Return what came of that kind, about that run, with these words in its title."""
        return [n for n in self.sink.notifications if (n.kind, n.run) == (kind, run) and title in n.title]

    def wait_for(self, kind: str, run: str | None, title: str = "") -> Notification:
        """Wait for such a notification and return the first."""
        until(lambda: self.came(kind, run, title))
        return self.came(kind, run, title)[0]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS} s"
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=10):
            return True
    except URLError:
        return False


def alert(name: str, run: str | None, severity: str, *, over: bool = False, **more: str) -> dict[str, Any]:
    """Return an alert, as Prometheus sends it; *more* are labels."""
    now = datetime.now(timezone.utc)
    labels = {"alertname": name, "severity": severity, **({"run": run} if run else {}), **more}
    times = {"startsAt": (now - timedelta(minutes=1)).isoformat()} | ({"endsAt": now.isoformat()} if over else {})
    annotations = {
        "summary": f"Run {run}: {name}. Stop it.",
        "description": "NLL 0.45 at step 437: above 0.30.",
        "runbook_url": f"https://docs/{name}",
        "dashboard_url": "https://grafana/d/run?var-run=x&from=now-1h",
    }
    return {"labels": labels, "annotations": annotations, **times}


def shortened(configuration: Path, sink_url: str) -> dict[str, Any]:
    """Return the shipped configuration, to notify the sink at *sink_url* and to wait a second where it waits longer."""
    content: dict[str, Any] = yaml.safe_load(configuration.read_text())
    content["templates"] = [str(configuration.parent / path) for path in content["templates"]]
    for route in (content["route"], *content["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in content["receivers"]:
        for integration in (one for several in receiver.values() if isinstance(several, list) for one in several):
            key = "url" if "url" in integration else "api_url"
            integration[key] = sink_url + urlsplit(integration[key]).path
    return content


@contextmanager
def alertmanager(configuration: dict[str, Any], folder: Path) -> Iterator[str]:
    """Run Alertmanager with its files in *folder*, and give its address."""
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        str(find_program("alertmanager")),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: answers(f"http://{address}/-/ready") or process.poll() is not None)
            assert process.poll() is None, (folder / "log").read_text()
            yield f"http://{address}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def delivery(configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    sink = PagerSink()
    server = serve(sink.app, host="127.0.0.1", port=0)
    try:
        with alertmanager(shortened(configuration, server.url), tmp_path_factory.mktemp("alertmanager")) as url:
            yield Delivery(url, sink)
    finally:
        server.close()


def test_a_page_arrives_with_its_words_and_links(delivery: Delivery) -> None:
    delivery.ring(alert("VaeNllDiverged", "words", "page"))

    page = delivery.wait_for("page", "words")

    assert page.title == "Run words: VaeNllDiverged. Stop it."
    assert page.text == "* Run words: VaeNllDiverged. Stop it.\n  NLL 0.45 at step 437: above 0.30."
    assert page.links == (
        Link("Runbook", "https://docs/VaeNllDiverged"),
        Link("Dashboard", "https://grafana/d/run?var-run=x&from=now-1h"),
    )


def test_a_page_is_said_in_chat_as_well(delivery: Delivery) -> None:
    delivery.ring(alert("VaeNllDiverged", "both", "page"))

    message = delivery.wait_for("chat", "both")

    assert message.title == "Page: Run both: VaeNllDiverged. Stop it."
    assert message.text == "NLL 0.45 at step 437: above 0.30."
    assert message.links == delivery.wait_for("page", "both").links


def test_a_ticket_pages_nobody(delivery: Delivery) -> None:
    delivery.ring(alert("VaeNllNeverGood", "slow", "ticket"))

    assert delivery.wait_for("chat", "slow").title == "Ticket: Run slow: VaeNllNeverGood. Stop it."
    assert not delivery.came("page", "slow")


def test_one_incident_from_its_page_to_its_end(delivery: Delivery) -> None:
    delivery.ring(alert("VaeNllDiverged", "incident", "page"))
    page = delivery.wait_for("page", "incident")

    delivery.ring(alert("VaeLossNonfinite", "incident", "page"))
    update = delivery.wait_for("update", "incident", "(1 of 2 alerts)")

    delivery.ring(*(alert(name, "incident", "page", over=True) for name in ("VaeNllDiverged", "VaeLossNonfinite")))
    end = delivery.wait_for("resolved", "incident")

    assert page.incident == update.incident == end.incident
    assert delivery.came("page", "incident") == [page]
    assert end.title.startswith("Resolved: ")


def test_divergence_silences_the_nll_s_tickets_of_its_run_alone(delivery: Delivery) -> None:
    delivery.ring(
        alert("VaeNllDiverged", "diverged", "page"),
        alert("VaeNllNeverGood", "diverged", "ticket"),
        alert("VaeKlAbnormal", "diverged", "ticket"),
        alert("VaeNllNeverGood", "other", "ticket"),
    )
    delivery.wait_for("chat", "other", "VaeNllNeverGood")
    delivery.wait_for("chat", "diverged", "VaeKlAbnormal")

    # By the time a later ticket arrives, an earlier one would have.
    delivery.ring(alert("VaeNllNeverGood", "later", "ticket"))
    delivery.wait_for("chat", "later")

    assert not [n for n in delivery.sink.notifications if n.run == "diverged" and "VaeNllNeverGood" in n.raw]


def test_a_rank_that_is_gone_silences_that_it_stalled_and_nothing_else(delivery: Delivery) -> None:
    delivery.ring(
        alert("VaeExporterDown", "killed", "page", rank="0"),
        alert("VaeTrainingStalled", "killed", "page", rank="0"),
        alert("VaeRunNameTaken", "killed", "ticket", rank="0"),
        alert("VaeTrainingStalled", "hangs", "page", rank="0"),
    )
    delivery.wait_for("page", "hangs", "VaeTrainingStalled")
    delivery.wait_for("page", "killed", "VaeExporterDown")
    delivery.wait_for("chat", "killed", "VaeRunNameTaken")

    delivery.ring(alert("VaeTrainingStalled", "killed", "page", rank="1"))
    update = delivery.wait_for("update", "killed", "(1 of 2 alerts)")

    assert update.raw.count("Run killed: VaeTrainingStalled") == 1


@pytest.mark.parametrize(
    ("page", "ticket"),
    [
        ("VaeGpuFailing", "VaeGpuRowRemapPending"),
        ("VaeGpuFailing", "VaeGpuSampleStale"),
        ("VaeGpuOutOfMemory", "VaeGpuMemoryPressure"),
    ],
)
def test_a_page_about_a_card_silences_a_ticket_about_that_card_alone(
    delivery: Delivery, page: str, ticket: str
) -> None:
    delivery.ring(
        alert(page, f"same {ticket}", "page", gpu="GPU-a"),
        alert(ticket, f"same {ticket}", "ticket", gpu="GPU-a"),
        alert(page, f"two {ticket}", "page", gpu="GPU-a"),
        alert(ticket, f"two {ticket}", "ticket", gpu="GPU-b"),
    )
    delivery.wait_for("page", f"same {ticket}", page)
    delivery.wait_for("chat", f"two {ticket}", f"Ticket: Run two {ticket}")

    # By the time a later ticket arrives, an earlier one would have.
    delivery.ring(alert(ticket, f"later {ticket}", "ticket", gpu="GPU-a"))
    delivery.wait_for("chat", f"later {ticket}")

    assert not delivery.came("chat", f"same {ticket}", "Ticket: ")


def test_an_alert_without_a_run_silences_nothing(delivery: Delivery) -> None:
    delivery.ring(alert("VaeNllDiverged", None, "page"), alert("VaeNllNeverGood", None, "ticket"))

    delivery.wait_for("page", None, "VaeNllDiverged")
    delivery.wait_for("chat", None, "VaeNllNeverGood")


def test_the_watchdog_beats(delivery: Delivery) -> None:
    assert delivery.sink.last_heartbeat is None

    delivery.ring(alert("Watchdog", None, "none"))
    until(lambda: delivery.sink.last_heartbeat is not None)

    assert not delivery.came("chat", None, "Watchdog")
    assert not delivery.came("page", None, "Watchdog")


@pytest.mark.parametrize(
    "run", ["quo\"te's", "{{ .Status }}", "{{ unclosed", "key: [value", "<!channel>&amp;", "[bold]"]
)
def test_a_nasty_name_loses_no_page(delivery: Delivery, run: str) -> None:
    delivery.ring(alert("VaeNllDiverged", run, "page"))

    title = f"Run {run}: VaeNllDiverged. Stop it."
    assert delivery.wait_for("page", run).title == title
    assert delivery.wait_for("chat", run).title == f"Page: {title}"
