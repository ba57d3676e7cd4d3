"""docker-compose.yml with a real daemon and stand-in images, from startup to a page. Opt-in: `make test-compose`.

Grafana is not started, because it has no stand-in. Needs root, debootstrap, dockerd, Docker Compose, and the ports
9090, 9093, 9645 and 9661.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from children import finished
from compose_file import FILE, ROOT, compose_command
from deadline import wait_until
from http_get import get

from vae_exporter import TrainingExporter
from vae_exporter.stack.client import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD_SECONDS = 1200
"""How long it may take to build the images the first time."""

pytestmark = [pytest.mark.compose, pytest.mark.timeout(2 * BUILD_SECONDS)]

STAND_INS = Path(__file__).with_name("stand_ins.yml")
SERVICES = ("pager", "alertmanager", "prometheus", "trainer")
PROMETHEUS, PAGER = "http://127.0.0.1:9090", "http://127.0.0.1:9661"

PAGE_SECONDS = 240
"""About 40 for 600 steps, two scrapes and evaluations, 5 for Alertmanager, and a margin for slow machines."""


def docker(*arguments: str) -> str:
    done = finished(["docker", *arguments], seconds=BUILD_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def compose(*arguments: str) -> str:
    command = [*(compose_command() or []), "-p", "vae-exporter-test", "-f", str(FILE), "-f", str(STAND_INS)]
    done = finished([*command, "--profile", "demo", *arguments], seconds=BUILD_SECONDS, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def daemon() -> Iterator[None]:
    """Start a separate Docker daemon, outside pytest's folders, because it mounts file systems in its folder."""
    folder = Path(tempfile.mkdtemp(prefix="vae-exporter-docker-"))
    address = f"unix://{folder}/docker.sock"
    where = ["-H", address, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec", "-p", f"{folder}/pid"]
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["dockerd", *where, "--bridge=none", "--iptables=false"], stdout=output, stderr=subprocess.STDOUT
        )
    os.environ.update(DOCKER_HOST=address, DOCKER_BUILDKIT="0", COMPOSE_DOCKER_CLI_BUILD="0")
    try:
        wait_until(
            lambda: finished(["docker", "info"]).returncode == 0,
            f"dockerd responds; its log is {log}",
        )
        yield
    finally:
        process.terminate()
        process.wait(60)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(f"{folder}/")), reverse=True):
            subprocess.run(["umount", mount], check=True, timeout=60)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stack() -> Iterator[None]:
    """Start all services except Grafana, and stop them at the end."""
    missing = [name for name in ("dockerd", "docker", "debootstrap") if not shutil.which(name)]
    assert not missing, f"not installed: {', '.join(missing)}"
    assert compose_command(), "Docker Compose is not installed"
    for port in (9090, 9093, 9645, 9661):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)), f"port {port} is in use: stop the process that listens on it"
    with daemon():
        make = Path(__file__).with_name("make_stand_ins.sh")
        subprocess.run([make, ROOT / ".servers" / "compose"], check=True, timeout=BUILD_SECONDS)
        try:
            compose("up", "-d", "--build", *SERVICES)
            yield
        finally:
            compose("down", "-v", "-t", "2")


def running() -> dict[str, str]:
    """Return the container id of each service."""
    return {name: compose("ps", "-q", name).strip() for name in SERVICES}


def test_the_servers_become_healthy(stack: None) -> None:
    del stack
    servers = {name: identity for name, identity in running().items() if name != "trainer"}

    def health() -> set[str]:
        return {docker("inspect", "-f", "{{.State.Health.Status}}", identity).strip() for identity in servers.values()}

    wait_until(lambda: health() == {"healthy"}, "all are healthy", seconds=60)


def test_no_container_runs_as_root_or_can_write_its_own_files(stack: None) -> None:
    del stack
    for name, identity in running().items():
        user = docker("exec", identity, "id", "-u").strip()
        assert user != "0", name
        written = finished(["docker", "exec", identity, "touch", "/etc/x"])
        assert written.returncode != 0, name


def test_every_service_listens_on_loopback_only(stack: None) -> None:
    del stack
    for name, identity in running().items():
        (process,) = docker("inspect", "-f", "{{.State.Pid}}", identity).split()
        sockets = set()
        for group in Path("/proc").glob("[0-9]*/cgroup"):
            if identity in _read(group):
                links = (str(link.readlink()) for link in _list(group.parent / "fd"))
                sockets |= {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
        rows = [
            row.split()
            for table in ("tcp", "tcp6")
            for row in _read(Path(f"/proc/{process}/net/{table}")).splitlines()[1:]
        ]
        listening = {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}
        assert listening == {"0100007F"}, name  # 127.0.0.1, as the kernel writes it


def test_a_diverging_run_pages(stack: None) -> None:
    del stack

    def pages() -> list[str]:
        heard = json.loads(get(f"{PAGER}/notifications").body)["notifications"]
        return [one["title"] for one in heard if one["kind"] == "page"]

    wait_until(lambda: bool(pages()), "a page arrives", seconds=PAGE_SECONDS)
    assert re.match(r"Run demo-\d+-\d+ diverged: NLL", pages()[0])


def test_a_training_on_the_host_is_discovered_through_the_mounted_folder(stack: None) -> None:
    del stack
    targets = ROOT / "prometheus" / "targets"
    with TrainingExporter("on-the-host", port=0, targets_dir=targets, linger_seconds=0) as exporter:
        exporter.observe(0, nll=0.2)
        wait_until(
            lambda: "on-the-host" in Prometheus(PROMETHEUS).label_values("vae_step", "run"),
            "Prometheus scrapes the training",
            seconds=90,
        )


def test_no_rule_evaluation_fails(stack: None) -> None:
    del stack
    assert Prometheus(PROMETHEUS).value("sum(prometheus_rule_evaluation_failures_total)") == 0.0


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the process has exited
        return ""


def _list(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_symlink()]
    except OSError:
        return []
