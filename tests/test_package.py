"""The package as it is imported, and as it is built."""

from __future__ import annotations

import os
import sys
from email.parser import Parser
from inspect import ismodule
from pathlib import Path
from zipfile import ZipFile

import pytest
from children import finished

import vae_exporter
from vae_exporter.stack.files import repository_root

ALERTMANAGER = Path(__file__).parents[1] / "alertmanager"


def python(*arguments: str, **environment: str) -> str:
    """Run Python, which must succeed, and return what it printed."""
    done = finished([sys.executable, *arguments], cwd=repository_root(), env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestImport:
    def test_it_loads_nothing_that_a_training_does_not_need(self) -> None:
        code = (
            "import sys, vae_exporter; "
            "print(*sorted({'torch', 'numpy', 'pynvml', 'typer', 'rich', 'yaml'} & set(sys.modules)))"
        )
        assert python("-c", code).split() == []

    def test_it_has_no_side_effects(self) -> None:
        code = """
            import logging, os, signal, sys, threading
            def seen():
                handlers = [signal.getsignal(number) for number in signal.valid_signals()]
                return threading.enumerate(), handlers, sys.excepthook, logging.getLogger().handlers, dict(os.environ)
            before = seen()
            import vae_exporter
            print(seen() == before)
        """
        assert python("-c", "if True:" + code) == "True\n"

    def test_it_works_without_torch(self) -> None:
        code = """
            import sys
            from vae_exporter import TrainingExporter
            with TrainingExporter("bs4", port=0) as exporter:
                exporter.observe(1, nll=0.5)
                print(exporter._recorder.facts().losses["nll"].last, "torch" in sys.modules)
        """
        assert python("-c", "if True:" + code) == "0.5 False\n"

    def test_all_public_names_are_meant_to_be(self) -> None:
        names = {name for name, value in vars(vae_exporter).items() if name[0] != "_" and not ismodule(value)}
        assert names | {"__version__"} == set(vae_exporter.__all__)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


class TestWheel:
    def test_it_carries_types_and_the_stack_and_no_tests(self, wheel: Path) -> None:
        names = ZipFile(wheel).namelist()
        assert {
            "vae_exporter/py.typed",
            "vae_exporter/stack/data/prometheus/prometheus.yml",
            "vae_exporter/stack/data/prometheus/rules/training.yml",
            "vae_exporter/stack/data/prometheus/rules/gpu.yml",
            "vae_exporter/stack/data/alertmanager/alertmanager.yml",
            "vae_exporter/simulated_gpu/nvml_stand_in.c",
        } <= set(names)
        version = f"vae_exporter-{vae_exporter.__version__}"
        assert {name.split("/")[0] for name in names} == {"vae_exporter", f"{version}.dist-info"}

    def test_it_carries_no_secret_and_nothing_of_what_runs_here(self, wheel: Path) -> None:
        stack = "vae_exporter/stack/data/"
        carried = {name.removeprefix(stack) for name in ZipFile(wheel).namelist() if name.startswith(stack)}
        configurations = {f"alertmanager/{path.name}" for path in ALERTMANAGER.glob("*.yml")}
        configurations -= {"alertmanager/alertmanager.kubernetes.yml"}  # deploy/kubernetes needs a clone
        assert {name for name in carried if not name.startswith("prometheus/rules/")} == configurations | {
            "alertmanager/templates/vae.tmpl",
            "prometheus/prometheus.yml",
            "prometheus/targets/.gitignore",
        }

    def test_a_training_installs_little(self, wheel: Path) -> None:
        with ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            metadata = Parser().parsestr(archive.read(name).decode())
        needed = [need for need in metadata.get_all("Requires-Dist", []) if "extra ==" not in need]
        assert needed == ["nvidia-ml-py>=12.535.108", "prometheus-client>=0.20"]
        assert metadata["Version"] == vae_exporter.__version__

    def test_installed_it_finds_its_own_stack(self, wheel: Path, tmp_path: Path) -> None:
        ZipFile(wheel).extractall(tmp_path)
        code = "from vae_exporter.stack.files import stack_folder; print(stack_folder())"
        assert python("-c", code, PYTHONPATH=str(tmp_path)) == f"{tmp_path}/vae_exporter/stack/data\n"
