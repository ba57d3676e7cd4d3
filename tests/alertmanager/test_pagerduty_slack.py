"""From an alert to PagerDuty and Slack: a real Alertmanager with the shipped configuration, and strict stand-ins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pytest
import yaml
from alerting import Alertmanager, alert, alertmanager, shortened
from deadline import wait_until
from strict_services import StrictServices, strict_services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTING_KEY = "0123456789abcdef0123456789ABCDEF"
WHERE_AND_AS_WHOM = {"url", "routing_key", "routing_key_file", "api_url", "api_url_file"}

NASTY = {
    "quotes": """a"b'c`d\\e""",
    "a template": "{{ .Status }}",
    "half a template": "{{ unclosed",
    "yaml": "key: [value, {a: b}",
    "line breaks": "one\ntwo\r\n\tthree",
    "html": "<script>alert(1)</script>&amp;",
    "a mention": "<!channel> <@U1> @here",
    "a link": "<https://example.org|Runbook>",
    "markdown": "*bold* _it_ ~no~ > - #",
    "unicode": "Zürich 東京 🔥 \u202etxt\u202c e\u0301",
    "long": "x" * 200,
    "long and wide": "🔥" * 200,
}


@dataclass(frozen=True)
class Notified:
    """An Alertmanager and the *services* that it notifies."""

    alertmanager: Alertmanager
    services: StrictServices

    def event(self, run: str, action: str = "trigger") -> dict[str, Any]:
        """Wait for an event about *run*, with no request rejected before it, and return the last."""
        wait_until(lambda: action in self.services.actions(run) or bool(self.services.complaints), f"{action} {run!r}")
        assert not self.services.complaints
        return [event for event in self.services.events_of(run) if event["event_action"] == action][-1]


def integrations(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        one for receiver in content["receivers"] for key, value in receiver.items() if key != "name" for one in value
    ]


@pytest.fixture(scope="module")
def notified(real_configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notified]:
    folder = tmp_path_factory.mktemp("alertmanager")
    with strict_services() as services:
        content = shortened(real_configuration)
        content["global"] = {"pagerduty_url": f"{services.url}/v2/enqueue"}
        (folder / "pagerduty_routing_key").write_text(f"{ROUTING_KEY}\n")
        (folder / "slack_webhook_url").write_text(f"{services.url}/services/T0/B0/secret\n")
        pager, chat, heartbeat = integrations(content)
        for integration in (pager, chat):
            for key in integration.keys() & {"routing_key_file", "api_url_file"}:
                integration[key] = integration[key].replace("/etc/alertmanager/secrets", str(folder))
        heartbeat["url"] = f"{services.url}/beat"
        with alertmanager(content, folder) as running:
            yield Notified(running, services)


def test_it_differs_from_the_local_one_only_in_where_it_sends(configuration: Path, real_configuration: Path) -> None:
    local, real = (yaml.safe_load(path.read_text()) for path in (configuration, real_configuration))
    for integration in (*integrations(local), *integrations(real)):
        for key in WHERE_AND_AS_WHOM:
            integration.pop(key, None)

    assert real == local


def test_it_holds_no_secret(real_configuration: Path) -> None:
    pager, chat, _ = integrations(yaml.safe_load(real_configuration.read_text()))

    assert {key: pager.get(key) for key in WHERE_AND_AS_WHOM} == dict.fromkeys(WHERE_AND_AS_WHOM) | {
        "routing_key_file": "/etc/alertmanager/secrets/pagerduty_routing_key"
    }
    assert {key: chat.get(key) for key in WHERE_AND_AS_WHOM} == dict.fromkeys(WHERE_AND_AS_WHOM) | {
        "api_url_file": "/etc/alertmanager/secrets/slack_webhook_url"
    }


def test_one_incident_from_its_page_to_its_end(notified: Notified) -> None:
    notified.alertmanager.send(
        alert("VaeNllDiverged", "bs4", "page", annotations={"summary": "Run bs4 diverged: NLL 0.45. Stop it."})
    )
    page = notified.event("bs4")
    notified.alertmanager.send(alert("VaeNllDiverged", "bs4", "page", over=True))
    end = notified.event("bs4", "resolve")

    assert page == {
        "routing_key": ROUTING_KEY,
        "dedup_key": end["dedup_key"],
        "event_action": "trigger",
        "payload": {
            "summary": "Run bs4 diverged: NLL 0.45. Stop it.",
            "source": "vae-exporter",
            "severity": "critical",
            "class": "VaeNllDiverged",
            "group": "bs4",
            "custom_details": page["payload"]["custom_details"],
        },
        "client": "vae-exporter",
        "client_url": "https://grafana/d/run?var-run=x&from=now-1h",
        "links": [
            {"href": "https://docs/VaeNllDiverged", "text": "Runbook"},
            {"href": "https://grafana/d/run?var-run=x&from=now-1h", "text": "Dashboard"},
        ],
    }
    assert page["payload"]["custom_details"]["firing"] == (
        "* Run bs4 diverged: NLL 0.45. Stop it.\n  NLL 0.45 at step 437: above 0.30."
    )
    assert end["payload"]["summary"].startswith("No longer firing: VaeNllDiverged, run bs4, after ")
    wait_until(lambda: len(notified.services.titles("bs4")) == 2, "the page and its end in the chat")
    assert notified.services.titles("bs4")[0] == "Page: Run bs4 diverged: NLL 0.45. Stop it."
    assert re.fullmatch(r"No longer firing: VaeNllDiverged, run bs4, after \S+", notified.services.titles("bs4")[1])


def test_the_watchdog_is_a_heartbeat(notified: Notified) -> None:
    notified.alertmanager.send(alert("Watchdog", None, "none"))

    wait_until(lambda: bool(notified.services.beats), "a heartbeat")


@pytest.mark.parametrize("run", NASTY.values(), ids=NASTY)
def test_any_name_reaches_pagerduty_and_slack_from_its_page_to_its_end(notified: Notified, run: str) -> None:
    summary = f"Run {run} diverged: NLL 0.303. Stop it and resume from a checkpoint before the rise."
    annotations = {
        "summary": summary,
        "dashboard_url": f"https://grafana/d/run?var-run={quote_plus(run)}",
        "outputs_url": "https://outputs/a?b=c",
    }
    messages = len(notified.services.messages)

    notified.alertmanager.send(alert("VaeNllDiverged", run, "page", annotations=annotations))
    page = notified.event(run)
    notified.alertmanager.send(alert("VaeLossNonfinite", run, "page", annotations=annotations))
    wait_until(lambda: notified.services.actions(run) == ["trigger", "trigger"], "an update")
    notified.alertmanager.send(
        *(
            alert(name, run, "page", over=True, annotations=annotations)
            for name in ("VaeNllDiverged", "VaeLossNonfinite")
        )
    )
    end = notified.event(run, "resolve")
    wait_until(lambda: len(notified.services.messages) == messages + 3, "three messages in the chat")

    title = " ".join(summary.split())
    assert page["payload"]["summary"] == title
    assert page["payload"]["custom_details"]["firing"].splitlines()[0] == f"* {title}"
    assert [link["text"] for link in page["links"]] == ["Runbook", "Dashboard", "Outputs"]
    assert end["dedup_key"] == page["dedup_key"]
    assert not notified.services.complaints


def test_an_alert_of_other_rules_is_titled_with_its_name(notified: Notified) -> None:
    notified.alertmanager.send(alert("DiskFull", "bare", "page") | {"annotations": {}})

    assert notified.event("bare")["payload"]["summary"] == "DiskFull"
    wait_until(lambda: notified.services.titles("bare") == ["Page: DiskFull"], "the page in the chat")


def test_a_title_is_cut_to_what_pagerduty_accepts(notified: Notified) -> None:
    notified.alertmanager.send(alert("TooLong", "talks", "page", annotations={"summary": "Run talks. " * 200}))

    summary = notified.event("talks")["payload"]["summary"]
    assert summary.startswith("Run talks. Run talks. ")
    assert len(summary) == 1024


def test_a_killed_large_run_is_one_readable_page(notified: Notified) -> None:
    """64 ranks and a name of 200 characters make the longest page."""
    run = "y" * 200
    gone = [alert("VaeExporterDown", run, "page", rank=str(rank)) for rank in range(64)]

    notified.alertmanager.send(*gone)
    payload = notified.event(run)["payload"]
    wait_until(lambda: bool(notified.services.titles(run)), "the page in the chat")

    assert payload["summary"] == f"Run {run}: VaeExporterDown. Stop it. (1 of 64 alerts)"
    assert payload["custom_details"]["firing"].count("NLL 0.45") == 4
    assert notified.services.actions(run) == ["trigger"]
