"""The objects have the rules, the dashboards and the configuration of the other deployments, and find the trainings."""

from __future__ import annotations

import base64
import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from children import finished
from kubernetes_objects import ROOT

from vae_exporter import TrainingExporter
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Objects = dict[str, list[dict[str, Any]]]

OVERLAYS = ("overlays/dedicated", "overlays/kube-prometheus-stack")
of_each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
INTERVAL = "15s"


def of_kind(objects: Objects, folder: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the objects of *kind* in *folder* by name."""
    return {one["metadata"]["name"]: one for one in objects[folder] if one["kind"] == kind}


def succeeds(*command: str | Path) -> str:
    """Run *command*, which must succeed, and return its output."""
    done = finished(command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pod_specs(value: object) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the metadata and the spec of each pod template in *value*."""
    if isinstance(value, dict):
        if "containers" in value.get("spec", {}):
            yield value["metadata"], value["spec"]
        for part in value.values():
            yield from pod_specs(part)
    elif isinstance(value, list):
        for part in value:
            yield from pod_specs(part)


@pytest.fixture
def pods(objects: Objects) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the metadata and the spec of the pods of the examples."""
    return list(pod_specs(objects["examples"]))


@of_each_overlay
def test_the_rules_are_those_of_prometheus(objects: Objects, overlay: str, tmp_path: Path) -> None:
    found = of_kind(objects, overlay, "PrometheusRule")
    assert found.keys() == {"vae-training", "vae-liveness", "vae-gpu"}
    for name, one in found.items():
        file = tmp_path / f"{name}.yml"
        file.write_text(yaml.safe_dump(one["spec"]))
        succeeds(find_program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", file)
        shipped = yaml.safe_load((ROOT / "prometheus" / "rules" / f"{name.removeprefix('vae-')}.yml").read_text())
        assert one["spec"]["groups"] == [{"interval": INTERVAL, **group} for group in shipped["groups"]]


@of_each_overlay
def test_grafana_finds_each_dashboard(objects: Objects, overlay: str) -> None:
    maps = of_kind(objects, overlay, "ConfigMap").values()
    assert {one["metadata"]["labels"]["grafana_dashboard"] for one in maps} == {"1"}
    shipped = {file.name: file.read_text() for file in (ROOT / "grafana" / "dashboards").glob("*.json")}
    assert {name: text for one in maps for name, text in one["data"].items()} == shipped


@of_each_overlay
def test_alertmanager_accepts_its_secret_with_the_templates(objects: Objects, overlay: str, tmp_path: Path) -> None:
    secret = of_kind(objects, overlay, "Secret")["vae-alertmanager"]
    mounted = {name: base64.b64decode(content).decode() for name, content in secret["data"].items()}
    assert mounted.keys() == {"alertmanager.yaml", "vae.tmpl"}
    for name, text in mounted.items():
        (tmp_path / name).write_text(text.replace("/etc/alertmanager/config", str(tmp_path)))

    report = succeeds(find_program("amtool"), "check-config", tmp_path / "alertmanager.yaml")

    assert "1 templates" in report
    used = set(re.findall(r'template "([^"]+)"', mounted["alertmanager.yaml"]))
    assert used <= set(re.findall(r'define "([^"]+)"', mounted["vae.tmpl"]))


def test_the_operator_mounts_what_the_configuration_reads(objects: Objects) -> None:
    spec = of_kind(objects, "overlays/dedicated", "Alertmanager")["vae"]["spec"]
    secret = of_kind(objects, "overlays/dedicated", "Secret")[spec["configSecret"]]
    config = yaml.safe_load(base64.b64decode(secret["data"]["alertmanager.yaml"]))
    assert config["templates"] == ["/etc/alertmanager/config/*.tmpl"]
    paths = re.findall(r"_file: (\S+)/", base64.b64decode(secret["data"]["alertmanager.yaml"]).decode())
    assert set(paths) == {f"/etc/alertmanager/secrets/{name}" for name in spec["secrets"]}


def test_the_dedicated_prometheus_selects_the_objects_and_reads_its_secret(objects: Objects) -> None:
    overlay = "overlays/dedicated"
    spec = of_kind(objects, overlay, "Prometheus")["vae"]["spec"]
    for kind, selector in (("PrometheusRule", "ruleSelector"), ("PodMonitor", "podMonitorSelector")):
        wanted = spec[selector]["matchLabels"]
        for one in of_kind(objects, overlay, kind).values():
            assert wanted.items() <= one["metadata"]["labels"].items()
    assert (spec["scrapeInterval"], spec["evaluationInterval"]) == (INTERVAL, INTERVAL)
    relabeling = spec["additionalAlertRelabelConfigs"]
    content = of_kind(objects, overlay, "Secret")[relabeling["name"]]["data"][relabeling["key"]]
    local = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    assert yaml.safe_load(base64.b64decode(content)) == local["alerting"]["alert_relabel_configs"]


def test_the_pod_monitor_scrapes_each_rank_of_the_examples(
    objects: Objects, pods: list[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    monitor = of_kind(objects, "base", "PodMonitor")["vae-training"]["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    (port_names,) = [one["regex"] for one in endpoint["relabelings"] if one.get("action") == "keep"]
    first = inspect.signature(TrainingExporter).parameters["port"].default
    assert len(pods) == 2
    for metadata, spec in pods:
        assert monitor["selector"]["matchLabels"].items() <= metadata["labels"].items()
        (container,) = spec["containers"]
        ports = [port["containerPort"] for port in container["ports"] if re.fullmatch(port_names, port["name"])]
        assert ports == [first, first + 1]


def test_the_series_get_the_labels_that_the_scrape_job_of_prometheus_gives_them(objects: Objects) -> None:
    (endpoint,) = of_kind(objects, "base", "PodMonitor")["vae-training"]["spec"]["podMetricsEndpoints"]
    config = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())
    job = config["scrape_configs"][0]
    assert endpoint["honorLabels"] is job["honor_labels"] is True
    assert {"targetLabel": "job", "replacement": job["job_name"]} in endpoint["relabelings"]
    assert endpoint["interval"] == config["global"]["scrape_interval"]


def test_a_pod_has_more_time_to_end_than_the_exporter_waits(
    pods: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    linger = inspect.signature(TrainingExporter).parameters["linger_seconds"].default
    assert {spec["terminationGracePeriodSeconds"] > linger for _, spec in pods} == {True}
