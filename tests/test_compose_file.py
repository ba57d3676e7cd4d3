"""docker-compose.yml, checked without starting it. `make test-compose` starts it."""

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
    """Return the source, target and mode of each mount, with the defaults of environment variables."""
    volumes = [re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume) for volume in SERVICES[name].get("volumes", [])]
    parts = [(*volume.split(":"), "rw") for volume in volumes]
    return [(part[0], part[1], part[2]) for part in parts]


def words(name: str) -> str:
    """Return the command of a service, with the defaults of environment variables."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", " ".join(map(str, SERVICES[name].get("command", []))))


@pytest.mark.skipif(compose_command() is None, reason="Docker Compose is not installed")
@pytest.mark.parametrize("profile", [[], ["--profile", "demo"]], ids=["plain", "demo"])
def test_docker_compose_accepts_the_file(profile: list[str]) -> None:
    command = [*(compose_command() or []), "-f", str(FILE), *profile, "config", "--services"]
    done = finished(command)
    assert done.returncode == 0, done.stderr
    expected = {name for name, service in SERVICES.items() if profile or "profiles" not in service}
    assert expected <= set(done.stdout.split())


@of_each_service
def test_an_image_is_pinned_or_built_locally(name: str) -> None:
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
def test_a_service_has_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service.get("user", "nobody") not in ("root", "0", 0)


@of_each_service
def test_a_service_cannot_take_all_memory_or_processes(name: str) -> None:
    assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
    assert 0 < SERVICES[name]["pids_limit"] <= 1024


@of_each_service
def test_mounted_files_of_the_repository_exist_and_are_read_only(name: str) -> None:
    for source, _, mode in mounts(name):
        if source.startswith("."):
            assert mode == "ro", source
            assert (ROOT / source).exists(), source


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_a_server_reads_the_same_configuration_as_without_docker(name: str) -> None:
    file = re.search(r"--config\.file=(\S+)", words(name))
    assert file
    (source,) = (source for source, target, _ in mounts(name) if file[1].startswith(f"{target}/"))
    assert (ROOT / source).resolve() == ROOT / name
    assert file[1].endswith(f"/{name}.yml")
    assert (ROOT / name / f"{name}.yml").is_file()


def test_each_named_volume_is_declared_and_used() -> None:
    declared = set(yaml.safe_load(FILE.read_text())["volumes"])
    assert {source for name in SERVICES for source, _, _ in mounts(name) if not source.startswith(".")} == declared


def test_every_server_listens_on_loopback_only() -> None:
    assert {service["network_mode"] for service in SERVICES.values()} == {"host"}
    for name in ("prometheus", "alertmanager"):
        assert re.findall(r"--web\.listen-address=(\S+):\d+", words(name)) == ["127.0.0.1"]
    assert re.search(r"^http_addr = 127\.0\.0\.1$", (ROOT / "grafana" / "grafana.ini").read_text(), re.MULTILINE)
    for name in ("pager", "trainer"):  # they listen on 127.0.0.1 by default
        assert "--host" not in words(name)


def test_a_service_starts_once_the_one_it_depends_on_is_healthy() -> None:
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


def test_the_trainer_runs_only_in_the_demo() -> None:
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"trainer"}


def test_by_default_anyone_can_view_grafana_and_nobody_can_log_in() -> None:
    ini = (ROOT / "grafana" / "grafana.ini").read_text()
    for setting in ("disable_login_form = true", "disable_initial_admin_creation = true", "org_role = Viewer"):
        assert f"\n{setting}\n" in ini
    assert "\n[auth.basic]\nenabled = false\n" in ini
    given = SERVICES["grafana"]["environment"].values()
    assert all(
        re.fullmatch(r"\$\{\w+:-\}", value) for value in given
    )  # empty by default, so the settings in the file apply


def test_grafana_shows_the_fleet_first_and_its_dashboards_are_read_only() -> None:
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


def test_grafana_has_the_scrape_interval_of_prometheus() -> None:
    config = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    (datasource,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    assert datasource["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
