"""scripts/pin_images.py, against a server that answers like a registry which wants a token."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[1] / "scripts" / "pin_images.py"

COMPOSE = """services:
  pager:
    image: vae-exporter-pager:local
  prometheus:
    image: prom/prometheus:v3.5.0 # a comment
"""


def digest(path: str) -> str:
    return f"sha256:{hashlib.sha256(path.encode()).hexdigest()}"


class Registry(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        if self.headers["Authorization"] != "Bearer anonymous":
            self.send_response(401)
            realm = f"http://{self.headers['Host']}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="registry",scope="pull"')
        elif "manifest.list.v2+json" in self.headers["Accept"] and "missing" not in self.path:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", digest(self.path))
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        assert self.path == "/token?service=registry&scope=pull"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "anonymous"}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pin(registry: str, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--registry", registry, str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_images_are_pinned_and_those_that_are_built_are_not(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(COMPOSE)
    expected = COMPOSE.replace("v3.5.0", f"v3.5.0@{digest('/v2/prom/prometheus/manifests/v3.5.0')}")
    for _ in range(2):  # a second run changes nothing
        assert pin(registry, file).returncode == 0
        assert file.read_text() == expected


def test_a_base_image_is_pinned_and_an_old_digest_replaced(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM python:3.12-slim@sha256:{'0' * 64} AS pager\nFROM pager AS trainer\n")
    assert pin(registry, file).returncode == 0
    now = digest("/v2/library/python/manifests/3.12-slim")
    assert file.read_text() == f"FROM python:3.12-slim@{now} AS pager\nFROM pager AS trainer\n"


def test_an_unknown_tag_changes_nothing(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text("image: prom/missing:v1\n")
    result = pin(registry, file)
    assert (result.returncode, file.read_text()) == (1, "image: prom/missing:v1\n")
    assert "prom/missing/manifests/v1: HTTP Error 404" in result.stderr
