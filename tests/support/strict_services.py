"""Stand-ins for PagerDuty and Slack that reject whatever their documentation does not allow."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from vae_exporter._serve.http import reply, serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGEST_EVENT = 512_000
"""In bytes: https://developer.pagerduty.com/docs/events-api-v2/overview/#size-limits"""

DATA = Path(__file__).parents[1] / "data"


def validator(name: str) -> Draft202012Validator:
    """Return a validator for the schema *name* in tests/data."""
    schema = json.loads((DATA / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@dataclass
class StrictServices:
    """The services at *url*, with what they received and what was wrong with it."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    beats: list[dict[str, Any]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def actions(self, run: str) -> list[str]:
        """Return the event actions for *run*, in order."""
        return [event["event_action"] for event in self.events_of(run)]

    def events_of(self, run: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["payload"]["group"] == run]

    def titles(self, run: str) -> list[str]:
        """Return the titles of the messages about *run*, in order."""
        return [
            message["attachments"][0]["title"]
            for message in self.messages
            if message["attachments"][0]["footer"] == run
        ]

    def take(self, path: str, body: bytes) -> tuple[str, str]:
        """Accept a posted *body*, and return the status and the body of the response."""
        content = json.loads(body)
        if path == "/v2/enqueue":
            complaints = [error.message for error in validator("pagerduty_event").iter_errors(content)]
            if len(body) > LARGEST_EVENT:
                complaints.append(f"{len(body)} bytes")
            self.complaints += complaints
            self.events += [] if complaints else [content]
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": complaints}
            return ("400 Bad Request", json.dumps(answer)) if complaints else ("202 Accepted", "{}")
        if path == "/services/T0/B0/secret":
            complaints = [error.message for error in validator("slack_message").iter_errors(content)]
            self.complaints += complaints
            self.messages += [] if complaints else [content]
            return ("400 Bad Request", "invalid_payload") if complaints else ("200 OK", "ok")
        if path == "/beat":
            self.beats.append(content)
            return "200 OK", "OK"
        self.complaints.append(f"nothing is at {path}")
        return "404 Not Found", ""

    def app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        status, answer = self.take(environ["PATH_INFO"], body)
        return reply(start_response, status, "text/plain", answer)


@contextmanager
def strict_services() -> Iterator[StrictServices]:
    """Serve PagerDuty's Events API v2, Slack's incoming webhooks and a heartbeat, on a free port."""
    services = StrictServices()
    server = serve(services.app, host="127.0.0.1", port=0)
    services.url = server.url
    try:
        yield services
    finally:
        server.close()
