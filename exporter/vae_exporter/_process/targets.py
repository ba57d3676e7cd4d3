"""File-based target discovery: each rank writes a file from which Prometheus reads its address (file_sd)."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import os
import re
import secrets
import socket
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vae_exporter._process.whole_file import slug, write_whole
from vae_exporter.errors import SettingsError
from vae_exporter.vocabulary import END_STATE_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_PORT = 65535

OWNER_LABEL = "__meta_vae_owner"
"""Identifies the process that wrote a file, and marks files as written by this package. Prometheus shows ``__meta_``
labels on its targets page and drops them from the series."""

END_STEP_LABEL = "end_step"

FORGOTTEN_SECONDS = 86400.0
"""How long a file with an end stays. The rules remember an end for as long."""

_ENDED = "-ended"

_PATH_LABEL = "__metrics_path__"

_END_PATH = "/ended"
"""The path of the target of an end. No exporter answers there: the target is for its labels alone."""

SCHEME_LABEL = "__scheme__"
"""Tells Prometheus to use https. Absent where it is http, the default."""

_LABELS = {"run", "rank", OWNER_LABEL, END_STATE_LABEL, END_STEP_LABEL, SCHEME_LABEL, _PATH_LABEL}

_MAX_BYTES = 65536  # a larger file was not written by this package

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]{0,252})(?::(?P<port>[0-9]{1,5}))?")

_logger = logging.getLogger("vae_exporter")


@dataclass(frozen=True)
class End:
    """How a run ended. A *step* of None means that it made none."""

    state: str
    step: int | None


@dataclass(frozen=True)
class Target:
    """The scrape target of one rank. *address* is HOST:PORT, with an IPv6 host in brackets; *scheme* http or https."""

    run: str
    rank: int
    address: str
    end: End | None = None
    scheme: str = "http"


@dataclass(frozen=True)
class TargetFile:
    """A target file as it was written or read. Its *content* is unique, because it names the process that wrote it."""

    path: Path
    content: bytes


def check_targets_dir(targets_dir: object) -> Path:
    """Return *targets_dir* as an absolute path, because the training may change its working directory.

    Raises:
        SettingsError: If it is not a path, or names something other than a folder.
    """
    if not isinstance(targets_dir, (str, os.PathLike)) or not os.fspath(targets_dir):
        raise SettingsError(f"targets_dir must be the path of the folder that Prometheus watches, got {targets_dir!r}")
    folder = Path(os.fsdecode(targets_dir)).absolute()
    if os.path.lexists(folder) and not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir may raise
        raise SettingsError(
            f"targets_dir must be a folder that Prometheus watches, got {str(targets_dir)!r}, which is not a folder"
        )
    return folder


def check_advertise(advertise: object) -> str:
    """Return *advertise* if it is HOST or HOST:PORT, with an IPv6 host in brackets.

    Raises:
        SettingsError: If it is not, or if it is a wildcard address, which nobody can reach.
    """
    if not isinstance(advertise, str) or not _host_and_port(advertise):
        raise SettingsError(
            "advertise must be HOST or HOST:PORT as other machines reach it, such as 'node7', '10.0.0.7:9645' or "
            f"'[fd00::7]:9645', got {advertise!r}"
        )
    return advertise


def advertised_address(
    advertise: str | None, *, host: str, port: int, hostname: Callable[[], str] = socket.gethostname
) -> str:
    """Return the HOST:PORT at which Prometheus reaches an endpoint that listens on *host*:*port*.

    It is *advertise*, completed by *port* if it has none. The default is *host*, or this machine's name if *host* is a
    wildcard address. The name is not resolved: a lookup can take seconds, and it is Prometheus that has to resolve it.

    Raises:
        SettingsError: If the default is not an address that other machines can reach.
    """
    own_host = hostname() if host in ("", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    parts = _host_and_port(advertise or (f"[{own_host}]" if ":" in own_host else own_host))
    if parts is None:
        raise SettingsError(
            f"other machines cannot reach this endpoint as {own_host!r}: set advertise= to HOST or HOST:PORT"
        )
    return f"{parts[0]}:{parts[1] or port}"


def publish(folder: Path, target: Target) -> TargetFile:
    """Write the file of *target* into *folder*, and return it for `withdraw`.

    The file is written atomically. It replaces any other file for the same address, whose writer no longer listens
    there, and the ends of earlier processes of the same run and rank. A target with an end has a file of its own beside
    that of the process. Two processes with the same run and rank have different addresses and keep a file each, so that
    Prometheus sees both and can report the name clash.

    The folder is created if it does not exist, readable by its owner only. In an existing folder, the file is readable
    by everyone who can list the folder.

    Raises:
        SettingsError: If the file cannot be written. The message gives the reason and the fix.
    """
    address_key = hashlib.sha256(target.address.encode()).hexdigest()[:12]
    name = f"{slug(target.run)}-rank{target.rank}-{address_key}{_ENDED if target.end else ''}.json"
    file = TargetFile(folder / name, _content(target))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file.path, file.content)
    except OSError as error:
        raise SettingsError(
            f"targets_dir must be writable, got {str(folder)!r}: cannot write {file.path.name} "
            f"({error.strerror or error}); choose another folder, or omit targets_dir="
        ) from error
    same_address = set() if target.end else {*folder.glob(f"*-{address_key}.json")}
    same_address |= {*folder.glob(f"*-{address_key}{_ENDED}.json")}
    for other in (same_address | set(_outdated_ends(folder, target))) - {file.path}:
        try:
            other.unlink(missing_ok=True)
        except OSError as error:
            _logger.warning(
                "cannot remove %s (%s), which has the address of run %r; Prometheus scrapes this run under two names",
                other,
                error,
                target.run,
            )
    return file


def withdraw(file: TargetFile) -> bool:
    """Remove *file* if its content is unchanged. Return False if it is gone or another process has replaced it.

    Raises:
        OSError: If it cannot be read or removed.
    """
    try:
        if read(file.path) != file.content:
            return False
        file.path.unlink()
    except FileNotFoundError:
        return False
    return True


def _outdated_ends(folder: Path, target: Target) -> Iterator[Path]:
    """Yield the files with the end of an earlier process of *target*, and those that the rules have forgotten."""
    for path in folder.glob(f"*{_ENDED}.json"):
        try:
            other = parse(read(path))
            if other and other.end:
                is_same = (other.run, other.rank) == (target.run, target.rank)
                if is_same or path.stat().st_mtime < time.time() - FORGOTTEN_SECONDS:
                    yield path
        except OSError:
            continue  # another rank was faster


def _content(target: Target) -> bytes:
    owner = f"pid {os.getpid()} on {socket.gethostname()}, {secrets.token_hex(8)}"
    labels = {"run": target.run, "rank": str(target.rank), OWNER_LABEL: owner}
    if target.scheme != "http":
        labels[SCHEME_LABEL] = target.scheme
    if target.end:
        labels |= {END_STATE_LABEL: target.end.state, _PATH_LABEL: _END_PATH}
        if target.end.step is not None:
            labels[END_STEP_LABEL] = str(target.end.step)
    return json.dumps([{"targets": [target.address], "labels": labels}], indent=2).encode() + b"\n"


def parse(content: bytes) -> Target | None:
    """Return the target in a file's *content*, or None if `publish` did not write it."""
    try:
        [group] = json.loads(content)
        [address] = group["targets"]
        labels = group["labels"]
        state, step = labels.get(END_STATE_LABEL), labels.get(END_STEP_LABEL)
        end = None if state is None else End(state, None if step is None else int(step))
        target = Target(labels["run"], int(labels["rank"]), address, end, labels.get(SCHEME_LABEL, "http"))
        ours = isinstance(target.run, str) and OWNER_LABEL in labels and labels.keys() <= _LABELS
        parts = _host_and_port(address)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    return target if ours and parts and parts[1] else None


def _host_and_port(address: str) -> tuple[str, int | None] | None:
    """Split HOST or HOST:PORT. Return None if *address* is neither, or if the host is a wildcard address."""
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


def read(path: Path) -> bytes:
    """Return the content of the file *path*. It is empty if this package cannot have written it."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        return b""  # reading a pipe would block
    return path.read_bytes()
