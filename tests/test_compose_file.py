"""docker-compose.yml: what it promises, as far as it can be told without starting it (`make test-compose` does)."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from children import finished
from compose_file import FILE, ROOT, SERVICES, compose_command

PINNED = re.compile(r"[\w/]+:v?\d+\.\d+\.\d+")

of_each_service = pytest.mark.parametrize("name", SERVICES)


def mounts(name: str) -> list[tuple[str, str, str]]:
    """Return what is mounted where, and how: variables of the environment are not given."""
    volumes = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume) for volume in SERVICES[name].get("volumes", [])]
    parts = [(*volume.split(":"), "rw") for volume in volumes]
    return [(part[0], part[1], part[2]) for part in parts]


def words(name: str) -> str:
    """Return the command of a service: variables of the environment are not given."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", " ".join(map(str, SERVICES[name].get("command", []))))


@pytest.mark.skipif(compose_command() is None, reason="Docker Compose is not on this machine")
@pytest.mark.parametrize("profile", [[], ["--profile", "demo"]], ids=["plain", "demo"])
def test_docker_compose_takes_it(profile: list[str]) -> None:
    command = [*(compose_command() or []), "-f", str(FILE), *profile, "config", "--services"]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    expected = {name for name, service in SERVICES.items() if profile or "profiles" not in service}
    assert expected <= set(done.stdout.split())


@of_each_service
def test_an_image_is_pinned_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert service["image"].endswith(":local")
        dockerfile = (ROOT / service["build"]["dockerfile"]).read_text()
        assert dockerfile.count(f" AS {service['build']['target']}\n") == 1
        stages = dict(re.findall(r"^FROM (\S+) AS (\S+)$", dockerfile, re.MULTILINE))
        assert [image for image in stages if image not in stages.values() and not PINNED.match(image)] == []
    else:
        assert PINNED.fullmatch(service["image"])


@of_each_service
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("user", "nobody") not in ("root", "0", 0)


@of_each_service
def test_what_is_ours_is_mounted_read_only_and_there(name: str) -> None:
    for source, _, mode in mounts(name):
        if source.startswith("."):
            assert mode == "ro", source
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_a_server_reads_the_configuration_that_it_reads_without_docker(name: str) -> None:
    file = re.search(r"--config\.file=(\S+)", words(name))
    assert file
    (source,) = (source for source, target, _ in mounts(name) if file[1].startswith(f"{target}/"))
    assert (ROOT / source).resolve() == ROOT / name
    assert file[1].endswith(f"/{name}.yml")
    assert (ROOT / name / f"{name}.yml").is_file()


def test_each_named_volume_is_declared_and_used() -> None:
    declared = set(yaml.safe_load(FILE.read_text())["volumes"])
    assert {source for name in SERVICES for source, _, _ in mounts(name) if not source.startswith(".")} == declared


def test_every_server_listens_on_this_machine_alone() -> None:
    assert {service["network_mode"] for service in SERVICES.values()} == {"host"}
    for name in ("prometheus", "alertmanager"):
        assert re.findall(r"--web\.listen-address=(\S+):\d+", words(name)) == ["127.0.0.1"]
    assert re.search(r"^http_addr = 127\.0\.0\.1$", (ROOT / "grafana" / "grafana.ini").read_text(), re.MULTILINE)
    for name in ("pager", "trainer"):  # 127.0.0.1 is what they listen on by default
        assert "--host" not in words(name)


def test_they_start_in_order_each_once_the_one_before_is_ready() -> None:
    before: dict[str, dict[str, Any]] = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert {name: list(needs) for name, needs in before.items()} == {
        "pager": [],
        "alertmanager": ["pager"],
        "prometheus": ["alertmanager"],
        "grafana": ["prometheus"],
        "trainer": ["prometheus"],
    }
    needed = {name for needs in before.values() for name in needs}
    assert {need["condition"] for needs in before.values() for need in needs.values()} == {"service_healthy"}
    assert {name for name in needed if not SERVICES[name].get("healthcheck")} == set()


def test_a_trainer_runs_for_a_demo_alone() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"trainer"}


def test_nobody_can_log_in_to_grafana_out_of_the_box_and_anybody_may_look() -> None:
    ini = (ROOT / "grafana" / "grafana.ini").read_text()
    for setting in ("disable_login_form = true", "disable_initial_admin_creation = true", "org_role = Viewer"):
        assert f"\n{setting}\n" in ini
    assert "\n[auth.basic]\nenabled = false\n" in ini
    given = SERVICES["grafana"]["environment"].values()
    assert all(re.fullmatch(r"\$\{\w+:-\}", value) for value in given)  # empty: Grafana takes the file's


def test_grafana_shows_the_fleet_first_from_files_that_nobody_edits_there() -> None:
    ini = (ROOT / "grafana" / "grafana.ini").read_text()
    home = re.search(r"^default_home_dashboard_path = (.+)$", ini, re.MULTILINE)
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/vae.yml").read_text())["providers"]
    (datasource,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    inside = {target: source for source, target, _ in mounts("grafana")}
    folder = provider["options"]["path"]
    assert home
    assert home[1] == f"{folder}/vae-fleet.json"
    assert (ROOT / inside[folder] / "vae-fleet.json").is_file()
    assert (provider["allowUiUpdates"], provider["disableDeletion"]) == (False, True)
    assert (datasource["editable"], datasource["isDefault"]) == (False, True)
    assert datasource["url"] == "http://127.0.0.1:9090"


def test_grafana_counts_with_the_interval_at_which_prometheus_scrapes() -> None:
    config = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    (datasource,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert datasource["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
