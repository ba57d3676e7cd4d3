"""Removes the target files that a process left behind when it was killed."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from vae_exporter._process.targets import TargetFile, parse, read, withdraw
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vae_exporter._process.targets import Target

ANSWER_SECONDS = 5.0
"""How long `answers` waits for an endpoint."""

_ASKED_AT_ONCE = 32

_NOBODY_LISTENS = {errno.ECONNREFUSED, errno.EHOSTUNREACH, socket.EAI_NONAME}


@dataclass(frozen=True)
class Pruned:
    """The outcome of `prune` for one file."""

    path: Path
    removed: bool
    reason: str

    def __str__(self) -> str:
        return f"{'removed' if self.removed else 'kept'} {self.path.name!r}: {self.reason}"


def answers(target: Target, *, timeout: float = ANSWER_SECONDS) -> bool:
    """Return whether an exporter answers GET /healthz at *target* within *timeout* seconds.

    A process that accepts the connection but does not answer is stopped or busy. It counts as answering, and so does
    one that asks for a password or a certificate.

    Raises:
        OSError: If it cannot be determined, for example because this machine has no network.
    """
    host, _, port = target.address.rpartition(":")
    connection = _connection(target.scheme, host.strip("[]"), int(port), timeout)
    try:
        connection.connect()
    except OSError as error:
        if isinstance(error, (TimeoutError, ssl.SSLError)) or error.errno in _NOBODY_LISTENS:
            return False
        raise
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED)
    except (TimeoutError, ssl.SSLError):
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int, timeout: float) -> http.client.HTTPConnection:
    """Return a connection without a proxy and redirects. Whether it is encrypted matters here, and not by whom."""
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def prune(folder: Path, *, is_alive: Callable[[Target], bool] = answers) -> list[Pruned]:
    """Remove the target files in *folder* whose endpoint is gone, and return the outcome for each ``*.json`` file.

    *is_alive* is called from several threads. A file is kept if *is_alive* raises OSError, or if
    `publish` did not write it.

    Raises:
        SettingsError: If the folder cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise SettingsError(f"cannot read the folder {str(folder)!r}: {error.strerror or error}") from error
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return list(pool.map(lambda path: _prune_one(path, is_alive), paths))


def _prune_one(path: Path, is_alive: Callable[[Target], bool]) -> Pruned:
    try:
        content = read(path)
        target = parse(content)
        if target is None:
            return Pruned(path, removed=False, reason="not written by vae-exporter")
        who = f"run {target.run!r}, rank {target.rank}: "
        if is_alive(target):
            return Pruned(path, removed=False, reason=f"{who}{target.address} answers")
        if withdraw(TargetFile(path, content)):
            return Pruned(path, removed=True, reason=f"{who}{target.address} does not answer")
        return Pruned(path, removed=False, reason=f"{who}the file has changed")
    except OSError as error:
        return Pruned(path, removed=False, reason=f"cannot be checked: {error.strerror or error}")
