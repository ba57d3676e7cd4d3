"""`vae-exporter demo`, as a user runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from children import child
from deadline import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

STORY_SECONDS = 240
"""How long the demo may take on a slow machine. Each of its own waits is limited to 170 s."""

DEADLINE_SECONDS = 30


@contextmanager
def demo(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run `vae-exporter demo`, and kill it after `STORY_SECONDS`."""
    command = [sys.executable, "-m", "vae_exporter.cli", "demo", *options]
    wide = {**os.environ, "COLUMNS": "300"}  # no line wraps
    with child(command, seconds=STORY_SECONDS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=wide) as process:
        yield process


def children(parent: int) -> set[int]:
    """Return the running child processes of *parent*."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # the process ended after it was listed
            continue
        if int(status[1]) == parent and status[0] != "Z":
            found.add(int(folder.name))
    return found


def wait_for_servers(process: subprocess.Popen[str]) -> set[int]:
    """Wait until the demo has started Prometheus and Alertmanager, and return their processes."""
    wait_until(lambda: len(children(process.pid)) == 2 or process.poll() is not None, "both servers", seconds=120)
    assert process.poll() is None
    return children(process.pid)


def wait_until_gone(processes: set[int]) -> None:
    wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes), f"the end of {processes}")


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the output of the demo up to the line that contains *words*."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"the demo never printed {words!r}. Its output:\n{''.join(lines)}")


def test_the_run_becomes_healthy_and_diverges_and_the_page_arrives(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "demo.html"
    with demo("--report", str(report)) as process:
        output, _ = process.communicate(timeout=STORY_SECONDS)
    assert process.returncode == 0, output
    assert "verdict healthy" in output
    assert "verdict stop (VaeNllDiverged)" in output
    _, _, page = output.partition("The pager received:")
    assert re.search(r"PAGE \d\d:\d\d:\d\d", page)
    assert re.search(r"Run demo-\d+-\d+ diverged: NLL", page)
    assert "Runbook" in page
    assert f"Open it in a browser: {report}" in output
    html = report.read_text(encoding="utf-8")
    assert "Stop" in html
    assert "VaeNllDiverged" in html


def test_a_healthy_run_ends_without_a_page_and_keeps_its_servers_until_ctrl_c() -> None:
    with demo("--scenario", "healthy", "--keep") as process:
        output = read_until(process, "Press Ctrl-C")
        assert "no page was sent" in output
        assert "PAGE" not in output
        servers = children(process.pid)
        for url in re.findall(r"http://[\d.:]+(?:/metrics)?", output):
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0
        wait_until_gone(servers)


def test_a_healthy_run_exits_with_0() -> None:
    with demo("--scenario", "healthy") as process:
        output, _ = process.communicate(timeout=STORY_SECONDS)
    assert process.returncode == 0, output


def test_ctrl_c_leaves_no_child_behind() -> None:
    with demo() as process:
        servers = wait_for_servers(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 130
        wait_until_gone(servers)


def test_a_killed_demo_leaves_no_child_behind() -> None:
    with demo() as process:
        servers = wait_for_servers(process)
        process.kill()
        wait_until_gone(servers)


def test_a_simulated_gpu_is_exported_and_labeled_as_simulated() -> None:
    with demo("--simulated-gpu") as process:
        output = read_until(process, "/metrics")
        assert "The exported GPU is simulated, and so is its driver: NVIDIA A100-SXM4-80GB (simulated)." in output
        (url,) = re.findall(r"http://[\d.:]+/metrics", output)

        def metrics() -> str:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())

        wait_until(lambda: "vae_gpu_info" in metrics(), "a reading of the GPU")
        assert re.search(r'vae_gpu_info\{.*name="NVIDIA A100-SXM4-80GB \(simulated\)".*\} 1.0', metrics())
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 130


def test_an_unknown_scenario_is_named_with_the_known_ones() -> None:
    with demo("--scenario", "diverges") as process:
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 2
    assert "diverges" in output
    assert "healthy" in output
