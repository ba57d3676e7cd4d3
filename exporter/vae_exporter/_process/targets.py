"""Target discovery: one file a rank, from which Prometheus learns where to scrape (its file_sd)."""

from __future__ import annotations

import errno
import hashlib
import http.client
import ipaddress
import json
import logging
import os
import re
import secrets
import socket
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter._process.settings import MAX_PORT
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS = 5.0

OWNER_LABEL = "__meta_vae_owner"
"""Tells a process's file from its successor's, and ours from others'. Prometheus shows and then drops ``__meta_``."""

_ASKED_AT_ONCE = 32

_MAX_BYTES = 65536  # a larger file is not ours

_MAX_SLUG = 64  # the name stays well below the 143 bytes that the strictest file system (eCryptfs) takes

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})(?::(?P<port>[0-9]{1,5}))?")

_NOBODY_LISTENS = {errno.ECONNREFUSED, errno.EHOSTUNREACH, socket.EAI_NONAME}

_logger = logging.getLogger("vae_exporter")


@dataclass(frozen=True)
class Target:
    """Where one rank of a run is scraped: *address* is HOST:PORT, an IPv6 host in brackets."""

    run: str
    rank: int
    address: str


@dataclass(frozen=True)
class TargetFile:
    """A target file as it was written or read. Its *content* names its owner: no two processes write the same."""

    path: Path
    content: bytes


@dataclass(frozen=True)
class Pruned:
    """What `prune` did with one file, and why."""

    path: Path
    removed: bool
    reason: str

    def __str__(self) -> str:
        return f"{'removed' if self.removed else 'kept'} {self.path.name!r}: {self.reason}"


def check_targets_dir(targets_dir: object) -> Path:
    """Return *targets_dir* as an absolute path: training may change its working directory.

    Raises:
        SettingsError: it is no path, or something that is not a folder is there.
    """
    if not isinstance(targets_dir, (str, os.PathLike)) or not os.fspath(targets_dir):
        raise SettingsError(f"targets_dir={targets_dir!r} is no path: give the folder that Prometheus watches")
    folder = Path(os.fsdecode(targets_dir)).absolute()
    if os.path.lexists(folder) and not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir may raise
        raise SettingsError(f"targets_dir={str(targets_dir)!r} is not a folder: give the one that Prometheus watches")
    return folder


def check_advertise(advertise: object) -> str:
    """Return *advertise* if it is HOST or HOST:PORT, an IPv6 host in brackets.

    Raises:
        SettingsError: it is not, or nobody can reach it.
    """
    if not isinstance(advertise, str) or not _host_and_port(advertise):
        raise SettingsError(
            f"advertise={advertise!r} is no address that others can reach: give HOST or HOST:PORT, "
            "for example 'node7', '10.0.0.7:9645' or '[fd00::7]:9645'"
        )
    return advertise


def advertised_address(
    advertise: str | None, *, host: str, port: int, hostname: Callable[[], str] = socket.gethostname
) -> str:
    """Return the HOST:PORT at which others see an endpoint that listens on *host*:*port*.

    It is *advertise*, with *port* where that has none. By default it is *host*, or this machine's name where *host*
    means all addresses. No name server is asked: that may take seconds, and Prometheus's view of the name counts.

    Raises:
        SettingsError: the default is no address that others can reach.
    """
    own_host = hostname() if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    parts = _host_and_port(advertise or (f"[{own_host}]" if ":" in own_host else own_host))
    if parts is None:
        raise SettingsError(f"others cannot reach this endpoint as {own_host!r}: give advertise=, HOST or HOST:PORT")
    return f"{parts[0]}:{parts[1] or port}"


def publish(folder: Path, target: Target) -> TargetFile:
    """Write *target*'s file into *folder*, which is made if need be, and return it for `withdraw`.

    The file appears whole or not at all. It replaces any file for the same address: whoever wrote that one does not
    listen there any more. Processes with one run and rank at two addresses have a file each: Prometheus then sees both
    and can tell that they share a name.

    A new folder is its owner's alone. In an existing one, those who may list the folder may read the file.

    Raises:
        SettingsError: it cannot be written; the message says why and what to do.
    """
    address_key = hashlib.sha256(target.address.encode()).hexdigest()[:12]
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", target.run)[:_MAX_SLUG].strip("-") or "run"
    file = TargetFile(folder / f"{slug}-rank{target.rank}-{address_key}.json", _content(target))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_whole(file)
    except OSError as error:
        raise SettingsError(
            f"targets_dir={str(folder)!r}: cannot write {file.path.name} there: {error.strerror or error}; "
            "give a folder that this user may write to, or leave targets_dir= out"
        ) from error
    for other in set(folder.glob(f"*-{address_key}.json")) - {file.path}:
        try:
            other.unlink(missing_ok=True)
        except OSError as error:
            _logger.warning("%s names the address of run %r and cannot be removed: %s", other, target.run, error)
    return file


def withdraw(file: TargetFile) -> bool:
    """Remove *file* if it is still as it was. Return False where it is gone or another process wrote there since.

    Raises:
        OSError: it cannot be read or removed.
    """
    try:
        if _read(file.path) != file.content:
            return False
        file.path.unlink()
    except FileNotFoundError:
        return False
    return True


def answers(address: str, *, timeout: float = ANSWER_SECONDS) -> bool:
    """Return whether an exporter listens on *address*, by GET /healthz. *timeout* is in seconds.

    A process that takes the connection and stays silent is stopped or busy, not gone: it counts as an answer.

    Raises:
        OSError: this machine cannot tell, for example because it has no network.
    """
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout)  # no proxy, no redirect
    try:
        connection.connect()
    except OSError as error:
        if isinstance(error, TimeoutError) or error.errno in _NOBODY_LISTENS:
            return False
        raise
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == HTTPStatus.OK
    except TimeoutError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def prune(folder: Path, *, is_alive: Callable[[str], bool] = answers) -> list[Pruned]:
    """Remove the target files in *folder* whose endpoint is gone; say for each ``*.json`` what was done, and why.

    *is_alive* is asked with HOST:PORT, from several threads; where it raises OSError, the file is kept. Files that
    `publish` did not write are kept, too.

    Raises:
        SettingsError: the folder cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError as error:
        raise SettingsError(f"cannot read the folder {str(folder)!r}: {error.strerror or error}") from error
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        return list(pool.map(lambda path: _prune_one(path, is_alive), paths))


def _prune_one(path: Path, is_alive: Callable[[str], bool]) -> Pruned:
    try:
        content = _read(path)
        target = _parse(content)
        if target is None:
            return Pruned(path, removed=False, reason="not written by vae-exporter")
        who = f"run {target.run!r}, rank {target.rank}: "
        if is_alive(target.address):
            return Pruned(path, removed=False, reason=f"{who}{target.address} answers")
        if withdraw(TargetFile(path, content)):
            return Pruned(path, removed=True, reason=f"{who}nobody answers on {target.address}")
        return Pruned(path, removed=False, reason=f"{who}it changed meanwhile")
    except OSError as error:
        return Pruned(path, removed=False, reason=f"cannot tell: {error.strerror or error}")


def _content(target: Target) -> bytes:
    owner = f"pid {os.getpid()} on {socket.gethostname()}, {secrets.token_hex(8)}"
    labels = {"run": target.run, "rank": str(target.rank), OWNER_LABEL: owner}
    return json.dumps([{"targets": [target.address], "labels": labels}], indent=2).encode() + b"\n"


def _parse(content: bytes) -> Target | None:
    """Return the target in a file's *content*, or None if `_content` did not make it."""
    try:
        [group] = json.loads(content)
        [address] = group["targets"]
        labels = group["labels"]
        target = Target(labels["run"], int(labels["rank"]), address)
        ours = isinstance(target.run, str) and labels.keys() == {"run", "rank", OWNER_LABEL}
        parts = _host_and_port(address)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return target if ours and parts and parts[1] else None


def _host_and_port(address: str) -> tuple[str, int | None] | None:
    """Return the parts of HOST or HOST:PORT; None where it is neither, or where the host means all addresses."""
    found = _ADDRESS.fullmatch(address)
    if not found:
        return None
    host, port = found["host"], None if found["port"] is None else int(found["port"])
    if host.startswith("["):
        try:
            unspecified = ipaddress.IPv6Address(host[1:-1]).is_unspecified
        except ValueError:
            return None
    else:
        unspecified = host == "0.0.0.0"  # noqa: S104 - compared, not bound
    return None if unspecified or (port is not None and not 1 <= port <= MAX_PORT) else (host, port)


def _read(path: Path) -> bytes:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        return b""  # a pipe would block
    return path.read_bytes()


def _write_whole(file: TargetFile) -> None:
    folder = file.path.parent
    readers = folder.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    # The suffix keeps it out of Prometheus's *.json, in which * matches a leading dot, too.
    handle, name = tempfile.mkstemp(prefix=f".{file.path.name}.", suffix=".tmp", dir=folder)  # mode 0600
    partial = Path(name)
    try:
        with open(handle, "wb") as writer:  # noqa: PTH123 - a handle has no path
            writer.write(file.content)
            writer.flush()
            if readers:
                os.fchmod(handle, 0o600 | readers)
            os.fsync(handle)
        partial.replace(file.path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
