"""Which integrations a configuration gets from the shared source."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from vae_rules.alertmanager import configurations
from vae_rules.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

ALERTMANAGER = Path(__file__).parents[2] / "alertmanager"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a copy of the source folder, with a service that only one more configuration uses."""
    source = Path(shutil.copytree(ALERTMANAGER / "source", tmp_path / "source"))
    shared = source / "shared.yml"
    chat = "  - name: chat\n"
    assert chat in shared.read_text()
    shared.write_text(
        shared.read_text().replace(
            chat, f"{chat}    webhook_configs:\n      - $ourservice\n        send_resolved: true\n"
        )
    )
    values = {
        "about": "Notifies a service of our own.",
        "pagerduty": "routing_key: k",
        "ourservice": "url: http://ours",
    }
    (source / "ours.yml").write_text(yaml.safe_dump(values | {"heartbeat": "url: http://heartbeat"}))
    return source


def test_a_configuration_has_the_integrations_for_which_it_has_a_value(
    source: Path, amtool: Callable[..., str], tmp_path: Path
) -> None:
    text = configurations(source, Identity())["alertmanager.ours.yml"]

    receivers = {one.pop("name"): one for one in yaml.safe_load(text)["receivers"]}
    assert {name: sorted(integrations) for name, integrations in receivers.items()} == {
        "pager": ["pagerduty_configs"],
        "chat": ["webhook_configs"],
        "heartbeat": ["webhook_configs"],
    }
    assert receivers["chat"]["webhook_configs"] == [{"url": "http://ours", "send_resolved": True}]
    shutil.copytree(ALERTMANAGER / "templates", tmp_path / "templates")
    (tmp_path / "alertmanager.ours.yml").write_text(text)
    amtool("check-config", str(tmp_path / "alertmanager.ours.yml"))


def test_an_integration_of_one_configuration_leaves_the_others_unchanged(source: Path) -> None:
    shipped = configurations(ALERTMANAGER / "source", Identity())
    own = {"alertmanager.ours.yml"}
    built = configurations(source, Identity())
    assert built.keys() - own == shipped.keys()
    assert {name: built[name] for name in shipped} == shipped


def test_a_configuration_without_a_value_for_its_head_raises(source: Path) -> None:
    (source / "ours.yml").write_text("pagerduty: 'routing_key: k'\n")
    with pytest.raises(KeyError, match="about"):
        configurations(source, Identity())
