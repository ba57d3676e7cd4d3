"""The HTTP interface of the pager: Alertmanager posts to it, and people read its web page."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from vae_exporter._serve.http import reply
from vae_exporter.pager.notification import NotificationError
from vae_exporter.pager.origins import OriginError, check_origin
from vae_exporter.pager.web_page import web_page

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from vae_exporter.pager.sink import PagerSink

_LARGEST_BODY = 1 << 20  # bytes; PagerDuty accepts half of that
_TEXT, _HTML, _JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"
_PATHS = {
    "GET": ("/", "/notifications", "/healthz"),
    "POST": ("/pagerduty", "/slack", "/webhook", "/heartbeat"),
}


class _RequestError(Exception):
    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def pager_app(sink: PagerSink, *, host: str = "") -> WSGIApplication:
    """Return a WSGI application that feeds *sink* and shows its notifications.

    It refuses requests of other websites. *host* is a name of this machine for which it answers: see `check_origin`.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO") or "/"
        try:
            check_origin(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN"), own_name=host)
            _check(environ["REQUEST_METHOD"], path)
            answer = _look(sink, path) if environ["REQUEST_METHOD"] == "GET" else _take(sink, path, _body(environ))
        except NotificationError as error:
            return reply(start_response, "400 Bad Request", *_refusal(path, str(error)))
        except OriginError as error:
            return reply(start_response, "403 Forbidden", _TEXT, f"{error}\n")
        except _RequestError as error:
            return reply(start_response, error.status, _TEXT, f"{error}\n")
        return reply(start_response, *answer)

    return app


def _check(method: str, path: str) -> None:
    if path in _PATHS.get(method, ()):
        return
    paths = "; ".join(f"{known} {', '.join(at)}" for known, at in _PATHS.items())
    status = "405 Method Not Allowed" if any(path in at for at in _PATHS.values()) else "404 Not Found"
    raise _RequestError(status, f"no endpoint {method} {path}; the endpoints are {paths}")


def _look(sink: PagerSink, path: str) -> tuple[str, str, str]:
    if path == "/healthz":
        return "200 OK", _TEXT, "ok\n"
    notifications, last_heartbeat = sink.notifications, sink.last_heartbeat
    if path == "/":
        return "200 OK", _HTML, web_page(notifications, last_heartbeat, sink.now())
    state = {"last_heartbeat": last_heartbeat, "notifications": list(map(asdict, notifications))}
    return "200 OK", _JSON, json.dumps(state)


def _take(sink: PagerSink, path: str, body: str) -> tuple[str, str, str]:
    if path == "/pagerduty":
        incident = sink.take_pagerduty(body).incident
        answer = {"status": "success", "message": "Event processed", "dedup_key": incident}
        return "202 Accepted", _JSON, json.dumps(answer)
    if path == "/slack":
        sink.take_slack(body)
    elif path == "/webhook":
        sink.take_webhook(body)
    else:
        sink.take_heartbeat(body)
    return "200 OK", _TEXT, "ok"  # exactly: Alertmanager takes any other answer from Slack for an error


def _refusal(path: str, message: str) -> tuple[str, str]:
    if path == "/pagerduty":  # PagerDuty's format, from which Alertmanager logs the errors
        return _JSON, json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": [message]})
    return _TEXT, f"{message}\n"


def _body(environ: WSGIEnvironment) -> str:
    declared = environ.get("CONTENT_LENGTH") or ""
    if not re.fullmatch("[0-9]{1,15}", declared):
        raise _RequestError("411 Length Required", f"Content-Length must be a number of bytes, got {declared!r}")
    length = int(declared)
    try:
        # Read a body that is too large, up to a limit: closing the connection early could lose the answer.
        data = environ["wsgi.input"].read(min(length, 16 * _LARGEST_BODY))
    except TimeoutError as error:
        raise _RequestError("408 Request Timeout", f"the {length} bytes of the body did not arrive in time") from error
    if length > _LARGEST_BODY:
        raise _RequestError("413 Content Too Large", f"the body must have at most {_LARGEST_BODY} bytes, got {length}")
    if len(data) < length:
        raise _RequestError("400 Bad Request", f"the body must have {length} bytes, got {len(data)}")
    try:
        return str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise NotificationError(f"the body is not UTF-8: {error}") from error
