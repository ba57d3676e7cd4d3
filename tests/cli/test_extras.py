"""Test that each command imports only packages that its extra installs."""

from __future__ import annotations

import sys

import pytest
from children import finished

OF_EXTRAS = {
    "watch": (
        "vae_exporter.stack.watch, vae_exporter.pager.receiver, vae_exporter.runs.live",
        {"torch", "numpy", "matplotlib"},
    ),
    "judge": ("vae_exporter.judge.command", {"torch", "numpy", "matplotlib"}),
    "replay": ("vae_exporter.judge.replay", {"torch", "numpy", "matplotlib"}),
    "report": ("vae_exporter.report", {"torch"}),
}
"""For each command: the modules that it imports when it runs, and packages that only other extras install."""


@pytest.mark.parametrize("command", OF_EXTRAS)
def test_a_command_imports_no_packages_of_other_extras(command: str) -> None:
    modules, others = OF_EXTRAS[command]
    code = f"import sys, vae_exporter.cli, {modules}; print(*sorted({others!r} & set(sys.modules)))"
    done = finished([sys.executable, "-c", code])
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")


@pytest.mark.parametrize(("extra", "package"), [("cli", "rich"), ("report", "matplotlib"), ("demo", "torch")])
def test_the_error_for_a_missing_package_names_its_extra(extra: str, package: str) -> None:
    command = {"cli": "--version", "report": "report", "demo": "demo"}[extra]
    code = f"""if True:
        import sys
        class Absent:
            def find_spec(self, name, path, target=None):
                if name == {package!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        sys.meta_path.insert(0, Absent())
        from vae_exporter.cli import app
        app([{command!r}])
    """
    done = finished([sys.executable, "-c", code])
    assert done.returncode == 1
    assert f"vae-exporter: {package} is not installed; run: pip install '/path/to/vae-exporter[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
