"""A small threaded HTTP server for a WSGI application."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client.exposition import ThreadingWSGIServer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication  # from Python 3.11 on: for the type checker only


class _Handler(WSGIRequestHandler):
    timeout = 30  # seconds until a client that sends nothing is let go

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the standard library's signature
        """Log nothing: a scrape every few seconds would drown the training's own output."""

    def address_string(self) -> str:
        """Return the client's address without asking a name server for its name."""
        return str(self.client_address[0])


CLOSE_SECONDS = 1.0
"""How long `HttpServer.close` waits for answers under way, which would be cut off where the process exits then."""

MAX_CONNECTIONS = 64
"""How many may be open at once. Each costs a thread and a file, and the training needs its own."""


class _Server(ThreadingWSGIServer):
    request_queue_size = 64  # the default of 5 makes those who come together wait a second

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the standard library's arguments
        self._answering = 0
        self._answered = threading.Condition()
        super().__init__(*args, **options)

    def server_bind(self) -> None:
        # HTTPServer.server_bind asks a name server for this host's name, which can take seconds on a cluster node.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002 - the library's signature
        """Let one in where there is room: it is hung up on otherwise."""
        return self._answering < MAX_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's signature
        with self._answered:
            self._answering += 1
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # while Python exits it starts no more threads: the last scrape is answered by this one
            self.process_request_thread(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def server_close(self) -> None:
        super().server_close()
        with self._answered:
            self._answered.wait_for(lambda: not self._answering, CLOSE_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the standard library's signature
        """Print nothing when a client hangs up in the middle of an answer."""


@dataclass(frozen=True)
class HttpServer:
    """A server that listens: *host* and *port* as bound, made by `serve`."""

    host: str
    port: int
    _server: WSGIServer
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """The address to type, for example ``http://127.0.0.1:9645``."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def abandon(self) -> None:
        """Let go of the socket in a forked process, which has none of the threads that serve it."""
        self._server.socket.close()

    def close(self) -> None:
        """Stop listening, and let the answers under way be finished."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(CLOSE_SECONDS)


def serve(app: WSGIApplication, *, host: str, port: int) -> HttpServer:
    """Serve *app* on *host*:*port* from a daemon thread. Port 0 takes any free port.

    Raises:
        OSError: the address cannot be bound.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    server_class: type[WSGIServer] = type("_FamilyServer", (_Server,), {"address_family": family})
    server = make_server(str(address[0]), port, app, server_class, _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="vae-http")
    thread.start()
    return HttpServer(host, server.server_port, server, thread)


def reply(start_response: StartResponse, status: str, content_type: str, body: str | bytes) -> Iterable[bytes]:
    """Answer with *body* under *status*, for example ``"200 OK"``."""
    data = body.encode() if isinstance(body, str) else body
    start_response(
        status,
        [("Content-Type", content_type), ("Content-Length", str(len(data))), ("X-Content-Type-Options", "nosniff")],
    )
    return [data]
