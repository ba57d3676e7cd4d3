"""TLS and passwords for the endpoint, with real certificates, a real Prometheus and promtool."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from typing import TYPE_CHECKING

import bcrypt
import pytest
import trustme
import yaml
from deadline import wait_until

from vae_exporter import TrainingExporter
from vae_exporter._process.prune import prune
from vae_exporter.errors import SettingsError
from vae_exporter.stack.client import Prometheus
from vae_exporter.stack.processes import running
from vae_exporter.stack.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "prometheus", "correct horse"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def web_config(tmp_path: Path, authority: trustme.CA) -> Path:
    """A file with a certificate for 127.0.0.1 and one user."""
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    file = tmp_path / "web.yml"
    tls = {"cert_file": "cert.pem", "key_file": "key.pem"}
    file.write_text(yaml.safe_dump({"tls_server_config": tls, "basic_auth_users": {USER: HASH}}))
    return file


@pytest.fixture
def exporter(web_config: Path, tmp_path: Path) -> Iterator[TrainingExporter]:
    with TrainingExporter(
        "guarded", port=0, linger_seconds=0, gpus=False, web_config=web_config, targets_dir=tmp_path / "targets"
    ).start() as exporter:
        exporter.observe(1, nll=0.5)
        yield exporter


def status(exporter: TrainingExporter, authority: trustme.CA, credentials: str | None) -> int:
    request = urllib.request.Request(f"{exporter.url}/metrics")
    if credentials is not None:
        request.add_header("Authorization", f"Basic {b64encode(credentials.encode()).decode()}")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code if error.headers["WWW-Authenticate"] == 'Basic realm="vae-exporter"' else 0


def test_the_metrics_are_for_those_who_know_the_password(exporter: TrainingExporter, authority: trustme.CA) -> None:
    assert str(exporter.url).startswith("https://")
    assert status(exporter, authority, f"{USER}:{PASSWORD}") == 200
    assert status(exporter, authority, f"{USER}:{PASSWORD}") == 200  # remembered
    for credentials in (None, f"{USER}:wrong", f"nobody:{PASSWORD}", ""):
        assert status(exporter, authority, credentials) == 401


def test_prometheus_scrapes_it_by_its_target_file(exporter: TrainingExporter, tmp_path: Path) -> None:
    config = {
        "scrape_configs": [
            {
                "job_name": "vae-training",
                "scrape_interval": "1s",
                "file_sd_configs": [{"files": [str(tmp_path / "targets" / "*.json")]}],
                "tls_config": {"ca_file": str(tmp_path / "ca.pem")},
                "basic_auth": {"username": USER, "password": PASSWORD},
            }
        ]
    }
    with running(Prometheus, tmp_path, config, [f"--storage.tsdb.path={tmp_path / 'data'}"]) as url:
        query = Prometheus(url).query
        wait_until(lambda: bool(query('vae_loss{run="guarded",component="nll"} == 0.5')), "the loss")
    assert exporter.url


def test_its_target_file_is_not_pruned_while_it_listens(exporter: TrainingExporter, tmp_path: Path) -> None:
    [file] = (tmp_path / "targets").glob("*.json")
    assert json.loads(file.read_text())[0]["labels"]["__scheme__"] == "https"
    assert [one.removed for one in prune(tmp_path / "targets")] == [False]
    content = file.read_bytes()
    exporter.close()
    file.write_bytes(content)
    assert [one.removed for one in prune(tmp_path / "targets")] == [True]


def test_a_client_that_does_not_finish_its_handshake_delays_nobody(
    exporter: TrainingExporter, authority: trustme.CA
) -> None:
    port = int(str(exporter.url).rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as silent, socket.create_connection(("127.0.0.1", port)) as odd:
        odd.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert status(exporter, authority, f"{USER}:{PASSWORD}") == 200
        assert silent.fileno() > 0


def test_promtool_accepts_the_same_file(web_config: Path) -> None:
    done = subprocess.run(
        [find_program("promtool"), "check", "web-config", web_config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_client_certificate_can_be_required(web_config: Path, tmp_path: Path, authority: trustme.CA) -> None:
    tls = {
        "cert_file": "cert.pem",
        "key_file": "key.pem",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": "ca.pem",
        "min_version": "TLS13",
    }
    web_config.write_text(yaml.safe_dump({"tls_server_config": tls}))
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with TrainingExporter("mutual", port=0, linger_seconds=0, gpus=False, web_config=str(web_config)).start() as made:
        url = f"{made.url}/healthz"
        with pytest.raises(OSError, match=r"certificate required|reset|EOF|closed"):
            urllib.request.urlopen(url, context=context, timeout=10)
        authority.issue_cert("prometheus@example.org").configure_cert(context)
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("http_server_config: {http2: true}", "has the key 'http_server_config', but only tls_server_config"),
        ("[]", "must be a mapping with tls_server_config, basic_auth_users, got"),
        ("tls_server_config: {cert_file: cert.pem}", "must name readable PEM files as cert_file and key_file"),
        ("tls_server_config: {cert_file: web.yml, key_file: web.yml}", "must name readable PEM files"),
        ("tls_server_config: {cipher_suites: []}", "has the key 'cipher_suites'"),
        ("tls_server_config: {min_version: TLS10}", "one of TLS12, TLS13 as min_version, got 'TLS10'"),
        ("tls_server_config: {client_auth_type: RequireAndVerifyClientCert}", "must have a client_ca_file"),
        ("basic_auth_users: [prometheus]", "must map names to bcrypt hashes"),
        ("basic_auth_users: {prometheus: secret}", "a bcrypt hash for 'prometheus', as `htpasswd -nB` prints"),
        ("{", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named(web_config: Path, content: str, message: str) -> None:
    web_config.write_text(content)
    with pytest.raises(SettingsError, match=message):
        TrainingExporter("mistaken", web_config=web_config)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"web_config '.*none.yml' cannot be read: .*No such file"):
        TrainingExporter("mistaken", web_config=tmp_path / "none.yml")
