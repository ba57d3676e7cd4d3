"""The files of versions agree with each other and with pyproject.toml. This needs no network."""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

LOCK = (ROOT / "requirements.lock").read_text()

CLI_LOCK = (ROOT / "requirements-cli.lock").read_text()

DEMO_LOCK = (ROOT / "requirements-demo.lock").read_text()

TRAINERS_LOCK = (ROOT / "requirements-trainers.lock").read_text()

NOT_LOCKED = {"playwright", "greenlet"}
"""Of the extra `look`, which CI does not install."""


def pins(text: str) -> set[tuple[str, str]]:
    """Return the names and versions in *text*, a requirements file."""
    lines = re.findall(r"(?m)^[A-Za-z0-9][^#\\\n]*", text)
    found = [Requirement(line.strip()) for line in lines]
    return {(canonicalize_name(one.name), str(one.specifier)) for one in found}


def declared(extra: str) -> dict[str, Requirement]:
    """Return what the package declares with *extra* for this Python, by name, the extras that it includes as well."""
    needed: dict[str, Requirement] = {}
    for one in map(Requirement, requires("vae-exporter") or []):
        if not one.marker or one.marker.evaluate({"extra": extra}):
            if one.name == "vae-exporter":
                for included in one.extras:
                    needed |= declared(included)
            else:
                needed[canonicalize_name(one.name)] = one
    return needed


@pytest.mark.parametrize("extra", ["cli", "demo", "test"])
def test_the_oldest_versions_are_pinned_and_allowed(extra: str) -> None:
    of_newer_python = {"grafana-foundation-sdk"}
    text = (ROOT / "constraints-oldest.txt").read_text()
    oldest = {name: version.removeprefix("==") for name, version in pins(text)}
    needed = {name: one for name, one in declared(extra).items() if name not in of_newer_python}
    assert needed
    assert {name for name, one in needed.items() if not one.specifier.contains(oldest.get(name, "0"))} == set()


def test_it_has_the_versions_of_the_constraints() -> None:
    constraints = {pin for pin in pins((ROOT / "constraints.txt").read_text()) if pin[0] not in NOT_LOCKED}
    windows = {pin for pin in pins(LOCK) if pin[0] == "pywin32-ctypes"}
    torch = {pin for pin in pins(DEMO_LOCK) if pin[0] == "torch"}
    assert torch
    assert pins(LOCK) - windows | torch == constraints


def test_the_smaller_lock_has_what_the_command_line_needs() -> None:
    needed = set(declared("cli"))
    assert {"prometheus-client", "typer"} <= needed
    assert needed <= {name for name, _ in pins(CLI_LOCK)}
    assert pins(CLI_LOCK) <= pins(LOCK)


def test_the_lock_of_the_demo_has_what_the_demo_needs() -> None:
    of_torch = re.compile(r"torch|triton|cuda-.*|nvidia-(?!ml-py).*")
    needed = set(declared("demo"))
    assert {"torch", "numpy"} <= needed
    assert needed <= {name for name, _ in pins(DEMO_LOCK)}
    assert {pin for pin in pins(DEMO_LOCK) if not of_torch.fullmatch(pin[0])} <= pins(LOCK)


def test_the_lock_of_the_trainers_has_what_the_tests_with_them_need_besides() -> None:
    needed = set(declared("integrations")) | set(declared("launchers"))
    names = {name for name, _ in pins(TRAINERS_LOCK)}
    assert {"accelerate", "deepspeed"} <= needed
    assert needed <= names | {name for name, _ in pins(LOCK) | pins(DEMO_LOCK)}
    assert names & {name for name, _ in pins(LOCK) | pins(DEMO_LOCK)} == set()


@pytest.mark.parametrize("lock", [LOCK, CLI_LOCK, DEMO_LOCK, TRAINERS_LOCK], ids=["all", "cli", "demo", "trainers"])
def test_each_package_has_a_hash(lock: str) -> None:
    packages = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)[1:]
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert len(packages) >= len(pins(lock)) > 0
