"""VictoriaMetrics, vmagent and vmalert as local processes, with the settings of deploy/victoriametrics."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from children import child
from deadline import wait_until
from http_get import get

from vae_exporter.stack.processes import free_port
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = Path(__file__).parents[2] / "deploy" / "victoriametrics"
SERVICES: Mapping[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]

STORE = "127.0.0.1:8428"
ALERTMANAGER = "127.0.0.1:9093"
LIFETIME_SECONDS = 600.0


@dataclass(frozen=True)
class Server:
    """A server at *address* that runs as a process with its files in *folder*."""

    address: str
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@contextmanager
def shipped(service: str, folder: Path, replaced: Mapping[str, str]) -> Iterator[Server]:
    """Run *service* with the shipped arguments, with *replaced* in them, and yield it. Its log is in *folder*."""
    folder.mkdir()
    address = f"127.0.0.1:{free_port()}"
    arguments = [_replaced(argument, replaced) for argument in SERVICES[service]["command"]]
    options = [f"-httpListenAddr={address}" if one.startswith("-httpListenAddr=") else one for one in arguments]
    with (folder / "log").open("wb") as log:
        process = child([find_program(service), *options], seconds=LIFETIME_SECONDS, stdout=log, stderr=log)
        with process as running:
            wait_until(lambda: _answers(running, address, folder / "log"), f"{service} answers", seconds=60)
            yield Server(address, folder)


@contextmanager
def agent(cluster: str, targets: Sequence[str], folder: Path, store: Server) -> Iterator[Server]:
    """Run the vmagent of *cluster*, which scrapes *targets* and writes to *store*."""
    config = yaml.safe_load((FOLDER / "vmagent.yml").read_text())
    config["global"]["external_labels"]["cluster"] = cluster
    config["scrape_configs"] = config["scrape_configs"][:1]
    del config["scrape_configs"][0]["file_sd_configs"]
    config["scrape_configs"][0]["static_configs"] = [{"targets": list(targets)}]
    file = folder.with_suffix(".yml")
    file.write_text(yaml.safe_dump(config))
    replaced = {"/etc/vmagent.yml": str(file), STORE: store.address, "/buffer": str(folder / "buffer")}
    with shipped("vmagent", folder, replaced) as server:
        yield server


@contextmanager
def ruler(folder: Path, rules: Path, store: Server, alertmanager_url: str, query_step: str = "5m") -> Iterator[Server]:
    """Run the vmalert that evaluates *rules* over *store*. A sample is valid for *query_step*."""
    addresses = {"/etc/rules": str(rules), STORE: store.address, ALERTMANAGER: alertmanager_url.removeprefix("http://")}
    with shipped("vmalert", folder, {**addresses, "queryStep=5m": f"queryStep={query_step}"}) as server:
        yield server


def _replaced(argument: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        argument = argument.replace(old, new)
    return argument


def _answers(process: subprocess.Popen[str], address: str, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return get(f"http://{address}/health").status == 200
    except OSError:
        return False
