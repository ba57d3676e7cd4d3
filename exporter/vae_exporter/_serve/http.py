"""A small threaded HTTP server for a WSGI application."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client.exposition import ThreadingWSGIServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ssl import SSLContext
    from wsgiref.types import StartResponse, WSGIApplication  # from Python 3.11 on: for the type checker only


CLOSE_SECONDS = 1.0
"""How long `HttpServer.close` waits for answers under way, which would be cut off where the process exits then."""

MAX_CONNECTIONS = 64
"""How many may be open at once. Each costs a thread and a file, and the training needs its own."""

REQUEST_SECONDS = 30.0
"""How long a connection may last, however many bytes trickle in: a scrape takes milliseconds."""

_POLL_SECONDS = 0.1

_BACK_OFF_SECONDS = 1.0
"""How long the server rests when it cannot accept a connection that is waiting, as without a free file descriptor."""

_OF_ONE_CLIENT = {errno.ECONNABORTED, errno.EAGAIN, errno.EPROTO, errno.EPERM}
"""Errors of `accept` that end with the client: it hung up, or a firewall refuses it."""

_logger = logging.getLogger("vae_exporter")


class _Handler(WSGIRequestHandler):
    def parse_request(self) -> bool:
        """Parse the head of the request, and note that it has arrived."""
        is_valid = super().parse_request()
        assert isinstance(self.server, _Server)  # noqa: S101 - for the type checker
        self.server.open_connections.asked(self.connection)
        return is_valid

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the standard library's signature
        """Log nothing: a scrape every few seconds would drown the training's own output."""

    def address_string(self) -> str:
        """Return the client's address without asking a name server for its name."""
        return str(self.client_address[0])


@dataclass
class _Connection:
    socket: socket.socket
    began: float
    has_asked: bool = False

    def hang_up(self) -> None:
        """Wake the thread that reads or writes, which then ends the connection."""
        with suppress(OSError):  # the client was faster
            self.socket.shutdown(socket.SHUT_RDWR)


class _OpenConnections:
    """The connections that are open, at most `MAX_CONNECTIONS`, none of them for longer than `REQUEST_SECONDS`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: dict[int, _Connection] = {}  # by the identity of their sockets

    def add(self, connection: socket.socket) -> None:
        """Add *connection*. If there are too many, the idle one that is the oldest gives way."""
        with self._changed:
            if len(self._open) >= MAX_CONNECTIONS:
                key = min(self._open, key=lambda key: (self._open[key].has_asked, self._open[key].began))
                self._open.pop(key).hang_up()
            self._open[id(connection)] = _Connection(connection, time.monotonic())

    def asked(self, connection: socket.socket) -> None:
        """Note that the request of *connection* has arrived."""
        with self._changed:
            if id(connection) in self._open:
                self._open[id(connection)].has_asked = True

    def remove(self, connection: socket.socket) -> None:
        """Remove *connection*, which is over."""
        with self._changed:
            self._open.pop(id(connection), None)
            self._changed.notify_all()

    def hang_up_overdue(self) -> None:
        """Hang up on those that have lasted too long."""
        with self._changed:
            for connection in self._open.values():
                if time.monotonic() - connection.began > REQUEST_SECONDS:
                    connection.hang_up()

    def wait_for_answers(self) -> None:
        """Hang up on the idle, and wait until the others have their answer."""
        with self._changed:
            for connection in self._open.values():
                if not connection.has_asked:
                    connection.hang_up()
            self._changed.wait_for(lambda: not self._open, CLOSE_SECONDS)


class _Server(ThreadingWSGIServer):
    request_queue_size = 64  # the default of 5 makes those who come together wait a second

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the standard library's arguments
        self.open_connections = _OpenConnections()
        self.on_poll: Callable[[], object] | None = None
        self.tls: SSLContext | None = None
        self._is_told = False
        super().__init__(*args, **options)

    def server_bind(self) -> None:
        # HTTPServer.server_bind asks a name server for this host's name, which can take seconds on a cluster node.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def service_actions(self) -> None:
        """Look after the open connections, between those that come."""
        self.open_connections.hang_up_overdue()
        if self.on_poll is not None:
            self.on_poll()

    def get_request(self) -> tuple[Any, Any]:
        """Accept a connection. Back off where that is impossible: it stays readable, and the loop would spin."""
        try:
            request, address = super().get_request()
        except OSError as error:
            if error.errno not in _OF_ONE_CLIENT:
                self._tell_unreachable(error)
                time.sleep(_BACK_OFF_SECONDS)
            raise
        if self.tls is None:
            return request, address
        # The handshake happens with the first read, in the thread of the connection: a client can make it last.
        return self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's signature
        self.open_connections.add(request)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # while Python exits it starts no more threads: the last scrape is answered by this one
            self.process_request_thread(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.open_connections.remove(request)

    def server_close(self) -> None:
        super().server_close()
        self.open_connections.wait_for_answers()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the standard library's signature
        """Print nothing when a client hangs up in the middle of an answer."""

    def _tell_unreachable(self, error: OSError) -> None:
        if not self._is_told:
            self._is_told = True
            _logger.error(
                "port %d cannot accept a connection (%s), so this process is not scraped until that changes. %s. This "
                "is logged once.",
                self.server_port,
                error.strerror,
                "The training has closed a file descriptor that is not its own"
                if error.errno == errno.EBADF
                else "Raise `ulimit -n`, or give the DataLoader fewer workers",
            )


@dataclass(frozen=True)
class HttpServer:
    """A server that listens: *host* and *port* as bound, made by `serve`."""

    host: str
    port: int
    scheme: str
    _server: WSGIServer
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """The address to type, for example ``http://127.0.0.1:9645``."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def abandon(self) -> None:
        """Let go of the socket in a forked process, which has none of the threads that serve it."""
        self._server.socket.close()

    def close(self) -> None:
        """Stop listening, and let the answers under way be finished."""
        self._server.shutdown()
        with suppress(OSError):  # the training has closed the socket, for example with os.closerange
            self._server.server_close()
        self._thread.join(CLOSE_SECONDS)


def serve(
    app: WSGIApplication,
    *,
    host: str,
    port: int,
    on_poll: Callable[[], object] | None = None,
    tls: SSLContext | None = None,
) -> HttpServer:
    """Serve *app* on *host*:*port* from a daemon thread, which also calls *on_poll* several times a second.

    Port 0 takes any free port. Connections are encrypted with *tls*, unless it is None.

    Raises:
        OSError: the address cannot be bound.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    server_class: type[WSGIServer] = type("_FamilyServer", (_Server,), {"address_family": family})
    server = make_server(str(address[0]), port, app, server_class, _Handler)
    assert isinstance(server, _Server)  # noqa: S101 - for the type checker
    server.on_poll = on_poll
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True, name="vae-http")
    thread.start()
    return HttpServer(host, server.server_port, "https" if tls else "http", server, thread)


def reply(start_response: StartResponse, status: str, content_type: str, body: str | bytes) -> Iterable[bytes]:
    """Answer with *body* under *status*, for example ``"200 OK"``."""
    data = body.encode() if isinstance(body, str) else body
    start_response(
        status,
        [("Content-Type", content_type), ("Content-Length", str(len(data))), ("X-Content-Type-Options", "nosniff")],
    )
    return [data]
