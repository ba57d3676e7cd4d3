"""Every object is valid for Kubernetes, the Prometheus Operator and Kubeflow Trainer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml
from children import finished
from kubernetes_objects import FOLDERS, TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Objects = Sequence[dict[str, Any]]

VERSIONS = ("1.31", "1.37")
"""The first Kubernetes in which each field is stable, and the newest that kubernetes-validate has."""

LONGEST_ANNOTATION = 256 * 1024
"""`kubectl apply` stores each object in an annotation, and the API server refuses a longer one."""

of_each_folder = pytest.mark.parametrize("folder", FOLDERS)


def is_custom(one: dict[str, Any]) -> bool:
    return str(one["apiVersion"]).startswith(("monitoring.coreos.com/", "trainer.kubeflow.org/"))


def mistakes_in_own(objects: Objects, version: str) -> Iterator[str]:
    """Yield the mistakes in the objects of Kubernetes itself."""
    for one in objects:
        if not is_custom(one):
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                yield f"{one['kind']}: {error.message}"


def mistakes_in_custom(objects: Objects) -> list[str]:
    """Return the mistakes in the objects of the operator and of Trainer."""
    custom = [one for one in objects if is_custom(one)]
    schemas = f"{TOOLS}/schemas/{{{{.Group}}}}_{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"
    options = ["-strict", "-summary", "-output=json", "-schema-location", schemas]
    report = json.loads(finished([TOOLS / "bin" / "kubeconform", *options], input=yaml.safe_dump_all(custom)).stdout)
    mistakes = [f"{one['kind']}: {one['msg']}" for one in report["resources"]]
    assert report["summary"]["valid"] + len(mistakes) == len(custom), report
    return mistakes


@pytest.mark.parametrize("version", VERSIONS)
@of_each_folder
def test_each_object_of_kubernetes_fits_its_schema(objects: dict[str, Objects], folder: str, version: str) -> None:
    assert list(mistakes_in_own(objects[folder], version)) == []


@of_each_folder
def test_each_object_of_an_operator_fits_its_schema(objects: dict[str, Objects], folder: str) -> None:
    assert mistakes_in_custom(objects[folder]) == []


@pytest.mark.parametrize(
    ("folder", "right", "wrong"),
    [
        ("base", "honorLabels: true", "honourLabels: true"),
        ("base", "interval: 15s", "interval: quarterly"),
        ("base", "kind: PodMonitor", "kind: PodMonitors"),
        ("base", "kind: ConfigMap", "kind: ConfigMaps"),
        ("overlays/dedicated", "roleRef:", "role:"),
        ("examples", "backoffLimit: 3", "backoffLimit: three"),
        ("examples", "numNodes: 2", "nodes: 2"),
    ],
)
def test_a_mistake_is_found(objects: dict[str, Objects], folder: str, right: str, wrong: str) -> None:
    text = yaml.safe_dump_all(objects[folder])
    assert right in text
    damaged = list(yaml.safe_load_all(text.replace(right, wrong)))
    assert [*mistakes_in_own(damaged, VERSIONS[-1]), *mistakes_in_custom(damaged)] != []


@of_each_folder
def test_each_object_is_small_enough_for_kubectl_apply(objects: dict[str, Objects], folder: str) -> None:
    sizes = {one["metadata"]["name"]: len(json.dumps(one)) for one in objects[folder]}
    assert {name: size for name, size in sizes.items() if size >= LONGEST_ANNOTATION} == {}
