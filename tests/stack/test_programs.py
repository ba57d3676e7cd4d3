"""Test the lookup of the servers' programs and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vae_exporter.errors import StackError
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set PATH to a single empty folder and return it."""
    folder = tmp_path / "on_path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("VAE_EXPORTER_SERVERS", raising=False)
    return folder


def install(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.touch(mode=0o755)
    return program


def test_programs_from_make_servers_take_precedence_over_path(tmp_path: Path, on_path: Path) -> None:
    install(on_path, "prometheus")
    fetched = install(tmp_path / ".servers" / "bin", "prometheus")

    assert find_program("prometheus", tmp_path) == fetched


def test_the_folder_in_the_environment_takes_precedence_over_all(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(on_path, "prometheus")
    install(tmp_path / ".servers" / "bin", "prometheus")
    chosen = install(tmp_path / "chosen", "prometheus")
    monkeypatch.setenv("VAE_EXPORTER_SERVERS", str(chosen.parent))

    assert find_program("prometheus", tmp_path) == chosen
    with pytest.raises(StackError, match="chosen', and that folder has no program amtool"):
        find_program("amtool", tmp_path)


def test_other_programs_are_found_on_path(tmp_path: Path, on_path: Path) -> None:
    installed = install(on_path, "alertmanager")

    assert find_program("alertmanager", tmp_path) == installed


def test_alertmanager_is_also_found_under_its_debian_name(tmp_path: Path, on_path: Path) -> None:
    installed = install(on_path, "prometheus-alertmanager")

    assert find_program("alertmanager", tmp_path) == installed


@pytest.mark.usefixtures("on_path")
def test_the_error_for_a_missing_program_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(StackError) as raised:
        find_program("promtool", tmp_path)

    for words in ("promtool", "make servers", "https://prometheus.io/download/", "docker compose up"):
        assert words in str(raised.value)


def test_the_stacks_files_are_found_in_a_clone() -> None:
    assert (stack_folder() / "alertmanager" / "alertmanager.yml").is_file()
