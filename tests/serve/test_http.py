"""The HTTP server, with an application of one line."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from children import child, finished, line_of
from deadline import wait_until
from http_get import get

from vae_exporter._serve import http
from vae_exporter._serve.http import MAX_CONNECTIONS, HttpServer, reply, serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment


def greet(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return reply(start_response, "200 OK", "text/plain; charset=utf-8", f"good day, {environ['PATH_INFO']}")


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with closing(serve(greet, host="127.0.0.1", port=0)) as server:
        yield server


def test_it_answers(server: HttpServer) -> None:
    answer = get(server.url + "/sir")
    assert (answer.status, answer.text) == (200, "good day, /sir")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == "14"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_port_0_is_any_free_one(server: HttpServer) -> None:
    assert server.port > 0
    assert server.url == f"http://127.0.0.1:{server.port}"


def test_a_port_that_is_taken_is_an_error(server: HttpServer) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(greet, host="127.0.0.1", port=server.port)


def test_a_port_is_free_again_once_it_is_closed(server: HttpServer) -> None:
    get(server.url)
    server.close()
    with pytest.raises(ConnectionRefusedError):
        get(server.url)
    with closing(serve(greet, host="127.0.0.1", port=server.port)) as again:
        assert get(again.url).status == 200


def test_a_client_that_says_nothing_does_not_hold_up_the_others(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert get(server.url).status == 200


class TestTooManyClients:
    @pytest.fixture
    def silent(self, server: HttpServer) -> Iterator[list[socket.socket]]:
        """As many clients as there may be, of which each has sent half a request and nothing since."""
        with ExitStack() as stack:
            address = ("127.0.0.1", server.port)
            clients = [
                stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(MAX_CONNECTIONS)
            ]
            for client in clients:
                client.sendall(b"GET / HT")
            yield clients

    def test_the_oldest_of_those_that_are_silent_gives_way(
        self, server: HttpServer, silent: list[socket.socket]
    ) -> None:
        assert get(server.url).status == 200
        assert silent[0].recv(1) == b""
        silent[1].sendall(b"TP/1.0\r\n\r\n")
        assert silent[1].recv(12) == b"HTTP/1.0 200"

    def test_those_that_have_asked_keep_their_place(self) -> None:
        entered, go_on = threading.Semaphore(0), threading.Event()

        def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            entered.release()
            go_on.wait(10)
            return greet(environ, start_response)

        with closing(serve(slow, host="127.0.0.1", port=0)) as server, ExitStack() as stack:
            address = ("127.0.0.1", server.port)
            asked = stack.enter_context(socket.create_connection(address, timeout=10))
            asked.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert entered.acquire(timeout=10)
            for _ in range(2 * MAX_CONNECTIONS):
                stack.enter_context(socket.create_connection(address))
            go_on.set()
            assert asked.recv(12) == b"HTTP/1.0 200"

    def test_a_client_that_drips_is_hung_up_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "REQUEST_SECONDS", 0.3)
        with (
            closing(serve(greet, host="127.0.0.1", port=0)) as server,
            socket.create_connection(("127.0.0.1", server.port)) as client,
        ):
            client.sendall(b"GET / HTTP/1.0\r\nX: ")

            def is_hung_up_on() -> bool:
                try:
                    client.sendall(b"x")  # each byte in time
                except OSError:
                    return True
                return False

            wait_until(is_hung_up_on, "the end of the connection", seconds=10)


NO_DESCRIPTOR_LEFT = """
import os, resource, sys, time
from vae_exporter import TrainingExporter

exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpu_sample_seconds=0.1).start()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
time.process_time(), time.sleep(0.3)  # whatever is loaded late has its files by now
files = []
try:
    while True:
        files.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    os.write(1, f"{exporter.url}\\n".encode())
sys.stdin.readline()
began, used = time.monotonic(), time.process_time()
time.sleep(2)
os.write(1, f"{(time.process_time() - used) / (time.monotonic() - began)}\\n".encode())
for file in files:
    os.close(file)
sys.stdin.readline()
"""


DESCRIPTORS_CLOSED = """
import os, time
from vae_exporter import TrainingExporter

exporter = TrainingExporter("bs4", port=0, linger_seconds=0, gpus=False).start()
os.closerange(3, 256)
began, used = time.monotonic(), time.process_time()
time.sleep(2)
exporter.observe(1, nll=0.2)
share = (time.process_time() - used) / (time.monotonic() - began)
exporter.close()
print(share)
"""


def test_a_training_that_closes_the_descriptors_of_others_neither_spins_nor_fails() -> None:
    done = finished([sys.executable, "-c", DESCRIPTORS_CLOSED])
    assert done.returncode == 0
    assert float(done.stdout) < 0.2
    assert "Traceback" not in done.stderr


def test_a_process_without_descriptors_does_not_spin_and_answers_once_it_has_some() -> None:
    command = [sys.executable, "-c", NO_DESCRIPTOR_LEFT]
    with child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stderr
        url = line_of(process).strip()
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as waiting:
            waiting.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            process.stdin.write("\n")
            process.stdin.flush()
            assert float(line_of(process)) < 0.2  # of a core, which the threads of the exporter used meanwhile
            assert waiting.recv(12) == b"HTTP/1.0 200"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stderr.read().count("cannot accept a connection (Too many open files)") == 1


def test_requests_are_not_logged(server: HttpServer, capfd: pytest.CaptureFixture[str]) -> None:
    get(server.url)
    assert capfd.readouterr() == ("", "")


def test_ipv6() -> None:
    try:
        server = serve(greet, host="::1", port=0)
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    with closing(server):
        assert server.url == f"http://[::1]:{server.port}"
        assert get(server.url).status == 200
