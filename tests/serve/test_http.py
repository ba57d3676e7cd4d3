"""The HTTP server, with an application of one line."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from deadline import wait_until
from http_get import get

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


def test_clients_without_end_take_no_more_than_their_share(server: HttpServer) -> None:
    """The rest is hung up on; and once they are gone, all is as before."""
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        for _ in range(MAX_CONNECTIONS):
            stack.enter_context(socket.create_connection(address))
        with socket.create_connection(address, timeout=10) as one_more:
            assert one_more.recv(1) == b""
    wait_until(lambda: is_let_in(server), "room again")


def is_let_in(server: HttpServer) -> bool:
    with suppress(OSError, HTTPException):
        return get(server.url).status == 200
    return False


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
