"""Run a server of the stack as a local process for the duration of a `with` block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from vae_exporter.errors import StackError
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from vae_exporter.stack.client import Alertmanager, Prometheus

PROMETHEUS_ADDRESS = "127.0.0.1:9090"
"""The address at which Prometheus scrapes itself in the shipped configuration."""

READY_SECONDS = 30.0
STOP_SECONDS = 5.0

_PORT_TRIES = 3


@contextmanager
def running(
    kind: type[Prometheus | Alertmanager],
    folder: Path,
    config: Mapping[str, Any],
    options: Sequence[str],
    port: int = 0,
) -> Iterator[str]:
    """Run a server of *kind* with *config*, and yield its URL. Its configuration and its log are written to *folder*.

    Port 0 picks a free port.

    Raises:
        StackError: The program is missing, the port is taken, or the server does not become ready.
    """
    process, url = _start(kind, folder, config, options, port)
    try:
        yield url
    finally:
        _stop(process)


def check_free(name: str, port: int) -> None:
    """Check that *port* is free for *name*. Otherwise the readiness check would be answered by another server.

    Raises:
        StackError: The port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # accept a port that was closed a moment ago
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"{name} cannot listen on 127.0.0.1:{port}: {error.strerror}; stop the process that listens there, "
                "such as another `vae-exporter watch`, `docker compose up`, or a system service"
            ) from error


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing uses. Another process may take it at any time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def moved(part: Any, old: str, new: str) -> Any:  # noqa: ANN401 - any part of a YAML document
    """Return *part* of a configuration with the prefix *old* of every address replaced by *new*."""
    if isinstance(part, dict):
        return {name: moved(value, old, new) for name, value in part.items()}
    if isinstance(part, list):
        return [moved(value, old, new) for value in part]
    return new + part.removeprefix(old) if isinstance(part, str) and part.startswith(old) else part


def _start(
    kind: type[Prometheus | Alertmanager], folder: Path, config: Mapping[str, Any], options: Sequence[str], port: int
) -> tuple[subprocess.Popen[bytes], str]:
    name = kind.name.lower()
    if port:
        check_free(name, port)
    file, log = folder / f"{name}.yml", folder / f"{name}.log"
    command = [*_until_parent_dies(), str(find_program(name)), f"--config.file={file}", *options]
    for _ in range(_PORT_TRIES):  # another process may take the free port before the server does
        address = f"127.0.0.1:{port or free_port()}"
        url = f"http://{address}"
        file.write_text(yaml.safe_dump(moved(config, PROMETHEUS_ADDRESS, address), sort_keys=False))
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, f"--web.listen-address={address}", f"--web.external-url={url}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # keeps Ctrl-C away from the server: this process stops them all in order
            )
        try:
            if _becomes_ready(process, kind(url)):
                return process, url
        except BaseException:
            _stop(process)
            raise
        _stop(process)
        if "address already in use" not in log.read_text(errors="replace"):
            break
    last_words = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise StackError(f"{name} did not become ready within {READY_SECONDS:.0f} s; its log ends with:\n{last_words}")


def _becomes_ready(process: subprocess.Popen[bytes], server: Prometheus | Alertmanager) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if server.is_ready():
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)


def _until_parent_dies() -> list[str]:
    """Return a command prefix that terminates the program if this process is killed. Empty without setpriv."""
    setpriv = shutil.which("setpriv")  # part of util-linux, on Linux only
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []
