"""Which receivers an alert goes to, as amtool reads the shipped configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from vae_exporter.stack.files import stack_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(params=sorted((stack_folder() / "alertmanager").glob("*.yml")), ids=lambda path: path.name)
def each_configuration(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_the_configuration_is_valid(amtool: Callable[..., str], each_configuration: Path) -> None:
    report = amtool("check-config", str(each_configuration))

    assert "1 templates" in report


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (["alertname=VaeNllDiverged", "severity=page", "run=bs4"], "pager,chat"),
        (["alertname=VaeBandsUnfit", "severity=ticket", "run=bs4"], "chat"),
        (["alertname=VaeGpuOutOfMemory", "severity=page", "run=bs4", "gpu=GPU-1"], "pager,chat"),
        (["alertname=VaeRulesFailing", "severity=ticket", "rule_group=vae_training"], "chat"),
        (["alertname=Watchdog", "severity=none"], "heartbeat"),
        (["alertname=SomeoneElses", "severity=critical"], "chat"),
        (["alertname=SomeoneElses"], "chat"),
    ],
)
def test_route(amtool: Callable[..., str], each_configuration: Path, labels: list[str], receivers: str) -> None:
    assert amtool("config", "routes", "test", f"--config.file={each_configuration}", *labels).strip() == receivers


def test_out_of_the_box_nothing_leaves_this_machine(configuration: Path) -> None:
    receivers = yaml.safe_load(configuration.read_text())["receivers"]
    integrations = [
        one for receiver in receivers for key, several in receiver.items() if key != "name" for one in several
    ]

    assert [one.get("url") or one["api_url"] for one in integrations] == [
        "http://127.0.0.1:9661/pagerduty",
        "http://127.0.0.1:9661/slack",
        "http://127.0.0.1:9661/heartbeat",
    ]
