"""TLS and passwords for the endpoint, from a web configuration file.

The format is that of Prometheus's exporter-toolkit, which its servers and exporters share:
https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
``promtool check web-config FILE`` checks such a file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae_exporter._serve.http import reply
from vae_exporter.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}

_TLS_KEYS = ("cert_file", "key_file", "client_auth_type", "client_ca_file", "min_version")

_REMEMBERED = 16
"""How many correct passwords are remembered: bcrypt takes a tenth of a second, which a scrape need not cost."""


@dataclass(frozen=True)
class WebConfig:
    """How clients reach the endpoint: through *tls*, and with the password of one of *users* (bcrypt hashes)."""

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)

    def guard(self, app: WSGIApplication) -> WSGIApplication:
        """Return *app*, which asks for a password if there are users."""
        return _Guard(app, self.users) if self.users else app


def read_web_config(path: object) -> WebConfig:
    """Read the web configuration file at *path*.

    Raises:
        SettingsError: The file cannot be read, has a key that is not supported, or names files that do not fit.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise SettingsError(f"web_config must be the path of a web configuration file, got {path!r}")
    file = Path(os.fsdecode(path))
    content = _mapping(_loaded(file), f"web_config {str(file)!r}", ("tls_server_config", "basic_auth_users"))
    tls = content.get("tls_server_config")
    return WebConfig(
        tls=None if tls is None else _context(tls, file),
        users=_users(content.get("basic_auth_users") or {}, file),
    )


def _loaded(file: Path) -> object:
    try:
        import yaml  # noqa: PLC0415 - only the extra [tls] installs it
    except ImportError as error:
        raise SettingsError("web_config needs PyYAML and bcrypt: pip install 'vae-exporter[tls]'") from error
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"web_config {str(file)!r} cannot be read: {error}") from error
    return {} if loaded is None else loaded


def _mapping(value: object, where: str, keys: Iterable[str]) -> Mapping[str, Any]:
    """Return *value*, a mapping with some of *keys*."""
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must be a mapping with {', '.join(keys)}, got {value!r}")
    for key in value:
        if key not in keys:
            raise SettingsError(f"{where} has the key {key!r}, but only {', '.join(keys)} are supported")
    return value


def _context(value: object, file: Path) -> ssl.SSLContext:
    where = f"tls_server_config of {str(file)!r}"
    config = _mapping(value, where, _TLS_KEYS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _choice(config.get("min_version", "TLS12"), "min_version", where, _VERSIONS)
    context.verify_mode = _choice(
        config.get("client_auth_type", "NoClientCert"), "client_auth_type", where, _CLIENT_AUTH
    )
    if context.verify_mode != ssl.CERT_NONE and not config.get("client_ca_file"):
        raise SettingsError(f"{where} must have a client_ca_file, because client_auth_type verifies certificates")
    try:
        context.load_cert_chain(_beside(file, config.get("cert_file")), _beside(file, config.get("key_file")))
        if config.get("client_ca_file"):
            context.load_verify_locations(_beside(file, config["client_ca_file"]))
    except (OSError, TypeError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(f"{where} must name readable PEM files as cert_file and key_file: {error}") from error
    return context


def _choice(value: object, key: str, where: str, choices: Mapping[str, Any]) -> Any:  # noqa: ANN401 - of the ssl module
    if not isinstance(value, str) or value not in choices:
        raise SettingsError(f"{where} must have one of {', '.join(choices)} as {key}, got {value!r}")
    return choices[value]


def _beside(file: Path, name: object) -> Path:
    """Return the path *name*, which is relative to the folder of *file*."""
    if not isinstance(name, str):
        raise TypeError(f"got {name!r}")
    return file.parent / name


def _users(value: object, file: Path) -> Mapping[str, bytes]:
    where = f"basic_auth_users of {str(file)!r}"
    if not isinstance(value, dict):
        raise SettingsError(f"{where} must map names to bcrypt hashes, got {value!r}")
    for name, hashed in value.items():
        try:
            _is_correct(b"", str(hashed).encode())
        except ValueError as error:
            raise SettingsError(f"{where} must have a bcrypt hash for {name!r}, as `htpasswd -nB` prints") from error
    return {str(name): str(hashed).encode() for name, hashed in value.items()}


def _is_correct(password: bytes, hashed: bytes) -> bool:
    try:
        import bcrypt  # noqa: PLC0415 - only the extra [tls] installs it
    except ImportError as error:
        raise SettingsError("web_config with users needs bcrypt: pip install 'vae-exporter[tls]'") from error
    return bool(bcrypt.checkpw(password[:72], hashed))  # bcrypt uses no more bytes


class _Guard:
    """A WSGI application that answers those who know the password of one of *users*."""

    def __init__(self, app: WSGIApplication, users: Mapping[str, bytes]) -> None:
        self._app = app
        self._users = users
        self._key = secrets.token_bytes(32)
        self._correct: list[bytes] = []  # the keyed hashes of headers whose password was correct

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            return self._app(environ, start_response)

        def challenge(status: str, headers: list[tuple[str, str]]) -> object:
            return start_response(status, [*headers, ("WWW-Authenticate", 'Basic realm="vae-exporter"')])

        return reply(challenge, "401 Unauthorized", "text/plain; charset=utf-8", "give a user and a password\n")  # type: ignore[arg-type]

    def _knows(self, header: str) -> bool:
        key = hashlib.blake2b(header.encode("latin-1"), key=self._key).digest()
        if key in self._correct:
            return True
        scheme, _, encoded = header.partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        hashed = self._users.get(user)
        if scheme.lower() != "basic" or hashed is None or not _is_correct(password.encode(), hashed):
            return False
        self._correct = [key, *self._correct][:_REMEMBERED]
        return True
