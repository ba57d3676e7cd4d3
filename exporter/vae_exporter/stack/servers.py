"""Prometheus and Alertmanager as local processes, from the shipped configuration with other ports and intervals."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from vae_exporter.errors import StackError
from vae_exporter.stack.files import stack_folder
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

READY_SECONDS = 30.0
STOP_SECONDS = 5.0

PAGER_URL = "http://127.0.0.1:9661"
"""Where the shipped Alertmanager configuration sends everything."""

# Where the shipped Prometheus configuration takes itself and Alertmanager to be.
_OWN_ADDRESS = "127.0.0.1:9090"
_ALERTMANAGER_ADDRESS = "127.0.0.1:9093"

_PORT_TRIES = 3


@dataclass(frozen=True)
class Intervals:
    """How often things happen, as Prometheus writes durations; None: as shipped."""

    scrape: str | None = None
    evaluation: str | None = None
    group_wait: str | None = None
    group_interval: str | None = None


AS_SHIPPED = Intervals()

SHORTENED = Intervals(scrape="1s", evaluation="1s", group_wait="1s", group_interval="5s")
"""For the demo: a page takes seconds. As shipped, Prometheus scrapes and judges every 15 s."""


@contextmanager
def prometheus(  # noqa: PLR0913 - what differs from the shipped configuration
    folder: Path,
    *,
    targets: Sequence[str] | None = (),
    targets_folder: Path | None = None,
    alertmanager_url: str,
    intervals: Intervals = AS_SHIPPED,
    port: int = 0,
) -> Iterator[str]:
    """Run Prometheus with the shipped rules, its data in *folder*, and yield its address.

    *targets* are HOST:PORT; None: those of the shipped configuration. *targets_folder* is watched for the files that
    ``TrainingExporter(targets_dir=)`` writes. Port 0 takes any free one.

    Raises:
        StackError: the program cannot be found, or does not become ready.
    """
    shipped = stack_folder() / "prometheus"
    config = yaml.safe_load((shipped / "prometheus.yml").read_text())
    config = _elsewhere(config, _ALERTMANAGER_ADDRESS, alertmanager_url.removeprefix("http://"))
    del config["global"]["external_labels"]  # there is no Grafana here
    _replace(config["global"], {"scrape_interval": intervals.scrape, "evaluation_interval": intervals.evaluation})
    config["rule_files"] = [str(shipped / pattern) for pattern in config["rule_files"]]
    training = config["scrape_configs"][0]
    if targets is not None:
        training["static_configs"][0]["targets"] = list(targets)
    if targets_folder is None:
        del training["file_sd_configs"]
    else:
        training["file_sd_configs"][0]["files"] = [str(targets_folder / "*.json")]
    options = [
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--storage.tsdb.retention.time=90d",  # as in docker-compose.yml
    ]
    with _server("prometheus", folder, config, options, port) as url:
        yield url


@contextmanager
def alertmanager(folder: Path, *, pager_url: str, intervals: Intervals = AS_SHIPPED, port: int = 0) -> Iterator[str]:
    """Run Alertmanager with the shipped configuration, telling the pager at *pager_url*, and yield its address.

    Port 0 takes any free one.

    Raises:
        StackError: the program cannot be found, or does not become ready.
    """
    shipped = stack_folder() / "alertmanager"
    config = _elsewhere(yaml.safe_load((shipped / "alertmanager.yml").read_text()), PAGER_URL, pager_url)
    config["templates"] = [str(shipped / pattern) for pattern in config["templates"]]
    for route in (config["route"], *config["route"]["routes"]):
        _replace(route, {"group_wait": intervals.group_wait, "group_interval": intervals.group_interval})
    options = [f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    with _server("alertmanager", folder, config, options, port) as url:
        yield url


def get_json(url: str) -> Any:  # noqa: ANN401 - JSON
    """Return what *url* answers, read as JSON.

    Raises:
        OSError: there is no answer, or an error.
    """
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http only: the callers make the address
        return json.load(answer)


def wait_for_death(servers: Mapping[str, str], *, every: float = 5.0) -> NoReturn:
    """Look every *every* seconds whether each of *servers*, addresses by name, still answers. Return never.

    Raises:
        StackError: one does not.
    """
    while True:
        for name, url in servers.items():
            try:
                with urllib.request.urlopen(f"{url}/-/healthy", timeout=30):  # noqa: S310 - http, our own server
                    pass
            except OSError as error:
                raise StackError(f"{name} does not answer on {url} any more ({error}): nobody is watching") from error
        time.sleep(every)


def check_free(name: str, port: int) -> None:
    """Check that nothing else listens on *port* of this machine: another server would say that it is ready, for *name*.

    Raises:
        StackError: it cannot.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # its last user may have left a moment ago
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"{name} cannot listen on 127.0.0.1:{port}: {error.strerror}; end what listens there, "
                "such as another `vae-exporter watch`, `docker compose up`, or a service of the system"
            ) from error


@contextmanager
def _server(name: str, folder: Path, config: dict[str, Any], options: Sequence[str], port: int = 0) -> Iterator[str]:
    process, url = _start(name, folder, config, options, port)
    try:
        yield url
    finally:
        _stop(process)


def _start(
    name: str, folder: Path, config: dict[str, Any], options: Sequence[str], port: int
) -> tuple[subprocess.Popen[bytes], str]:
    if port:
        check_free(name, port)
    file, log = folder / f"{name}.yml", folder / f"{name}.log"
    command = [*_until_parent_dies(), str(find_program(name)), f"--config.file={file}", *options]
    for _ in range(_PORT_TRIES):  # another process may take the port between our look and the server's
        address = f"127.0.0.1:{port or _free_port()}"
        url = f"http://{address}"
        file.write_text(yaml.safe_dump(_elsewhere(config, _OWN_ADDRESS, address), sort_keys=False))
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, f"--web.listen-address={address}", f"--web.external-url={url}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is ours to handle: it stops the servers in order
            )
        try:
            if _becomes_ready(process, url):
                return process, url
        except BaseException:
            _stop(process)
            raise
        _stop(process)
        if "address already in use" not in log.read_text(errors="replace"):
            break
    last_words = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise StackError(f"{name} did not become ready within {READY_SECONDS:.0f} s; its last words were:\n{last_words}")


def _becomes_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):  # noqa: S310 - http, our own server
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _until_parent_dies() -> list[str]:
    """Return a command that ends its program when this process is killed; nothing where the system has none."""
    setpriv = shutil.which("setpriv")  # util-linux: Linux alone
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _replace(settings: dict[str, Any], values: dict[str, str | None]) -> None:
    settings.update({name: value for name, value in values.items() if value is not None})


def _elsewhere(part: Any, old: str, new: str) -> Any:  # noqa: ANN401 - any part of a YAML document
    """Return *part* of a configuration with each address under *old* moved to *new*."""
    if isinstance(part, dict):
        return {name: _elsewhere(value, old, new) for name, value in part.items()}
    if isinstance(part, list):
        return [_elsewhere(value, old, new) for value in part]
    return new + part.removeprefix(old) if isinstance(part, str) and part.startswith(old) else part
