"""Receivers of a team's own: the routes as amtool reads them, and a page in a real Alertmanager."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from alerting import alert, alertmanager, shortened
from deadline import wait_until
from strict_services import strict_services

from vae_rules.alertmanager import configurations
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

ALERTMANAGER = Path(__file__).parents[2] / "alertmanager"
COMMON_KEY = "c" * 32
VISION_KEY = "v" * 32
OWNERS = [
    {"name": "vision", "matcher": 'team="vision"', "pagerduty": f"routing_key: {VISION_KEY}"},
    {
        "name": "audio",
        "matcher": 'team=~"audio|speech"',
        "pagerduty": "routing_key_file: /etc/alertmanager/secrets/audio",
        "slack": "api_url_file: /etc/alertmanager/secrets/audio_slack",
    },
]


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Return the path of a configuration in which two teams own receivers."""
    source = Path(shutil.copytree(ALERTMANAGER / "source", tmp_path / "source"))
    values = yaml.safe_load((source / "pagerduty-slack.yml").read_text())
    values |= {"owners": OWNERS, "pagerduty": f"routing_key: {COMMON_KEY}"}
    (source / "ours.yml").write_text(yaml.safe_dump(values))
    shutil.copytree(ALERTMANAGER / "templates", tmp_path / "templates")
    path = tmp_path / "alertmanager.ours.yml"
    path.write_text(configurations(source, Identity())[path.name])
    return path


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["severity=page", "team=vision"], "pager-vision,chat"),
        (["severity=ticket", "team=vision"], "chat"),
        (["severity=page", "team=speech"], "pager-audio,chat-audio"),
        (["severity=ticket", "team=audio"], "chat-audio"),
        (["severity=page", "team=video"], "pager,chat"),
        (["severity=page"], "pager,chat"),
        (["severity=none", "alertname=Watchdog", "team=vision"], "heartbeat"),
    ],
)
def test_route(amtool: Callable[..., str], configuration: Path, labels: list[str], receivers: str) -> None:
    routes = amtool("config", "routes", "test", f"--config.file={configuration}", *labels, "run=bs4")
    assert routes.strip() == receivers


def test_amtool_accepts_the_configuration(amtool: Callable[..., str], configuration: Path) -> None:
    assert "6 receivers" in amtool("check-config", str(configuration))


def test_a_receiver_of_a_team_differs_only_in_where_it_sends(configuration: Path) -> None:
    content = yaml.safe_load(configuration.read_text())
    receivers = {one["name"]: one for one in content["receivers"]}
    for common, own in (("pager", "pager-vision"), ("pager", "pager-audio"), ("chat", "chat-audio")):
        first, second = (
            {kind: [set(one) - {"routing_key", "routing_key_file"} for one in several] for kind, several in one.items()}
            for one in ({k: v for k, v in receivers[name].items() if k != "name"} for name in (common, own))
        )
        assert first == second


def test_a_page_of_a_team_reaches_its_own_service_only(configuration: Path, tmp_path: Path) -> None:
    with strict_services() as services:
        content = shortened(configuration)
        content["global"] = {"pagerduty_url": f"{services.url}/v2/enqueue"}
        content["receivers"] = [
            {key: value for key, value in one.items() if key in ("name", "pagerduty_configs")}
            for one in content["receivers"]
        ]
        with alertmanager(content, tmp_path) as running:
            running.send(
                alert("VaeNllDiverged", "theirs", "page", team="vision"), alert("VaeNllDiverged", "ours", "page")
            )
            wait_until(lambda: len(services.events) == 2, "both pages")
    assert not services.complaints
    keys = {event["payload"]["group"]: event["routing_key"] for event in services.events}
    assert keys == {"theirs": VISION_KEY, "ours": COMMON_KEY}
