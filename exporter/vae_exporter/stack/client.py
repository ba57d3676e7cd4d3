"""A client for the HTTP APIs of Prometheus and Alertmanager, the only one in this project."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from vae_exporter.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_READY_SECONDS = 1.0

_MAX_ANSWER = 64 << 20
"""The largest answer in bytes. A report of a run of weeks needs about 1 MiB."""


class AnswerError(StackError):
    """A server does not answer, or rejects a request. The message contains its URL and its error message."""


@dataclass(frozen=True)
class Series:
    """A time series: its labels, and its points (Unix seconds, value), oldest first."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1][1]


@dataclass(frozen=True)
class _Api:
    """A server at *url*, for example ``http://127.0.0.1:9090``. Each request times out after *timeout* seconds."""

    url: str
    timeout: float = 30.0

    name: ClassVar[str]

    def is_ready(self) -> bool:
        """Return whether the server accepts requests. Waits at most 1 second."""
        try:
            self._check("/-/ready", _READY_SECONDS)
        except OSError:
            return False
        return True

    def check_health(self) -> None:
        """Check that the server answers.

        Raises:
            OSError: The server does not answer.
        """
        self._check("/-/healthy", self.timeout)

    def _check(self, path: str, timeout: float) -> None:
        try:
            self._ask(path, timeout)
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def _json(self, path: str, *, content: object = None, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a GET, or to a POST of *content*. An empty answer is None."""
        if not self.url.startswith(("http://", "https://")):
            raise AnswerError(
                f"the URL of {self.name} must start with http:// or https://, as in http://127.0.0.1:9090, "
                f"got {self.url!r}"
            )
        try:
            body = self._ask(f"/api/{path}?{urlencode(parameters)}", self.timeout, content)
            return json.loads(body) if body or content is None else None
        except urllib.error.HTTPError as error:
            raise AnswerError(f"{self.url} rejected {path.partition('/')[2]}: {_words(error)}") from error
        except (OSError, ValueError, RecursionError) as error:
            raise AnswerError(f"{self.url} does not answer like {self.name}: {error}") from error

    def _ask(self, path: str, timeout: float, content: object = None) -> bytes:
        request = urllib.request.Request(f"{self.url.rstrip('/')}{path}")  # noqa: S310 - http: checked in `_json`
        if content is not None:
            request.data = json.dumps(content).encode()
            request.add_header("Content-Type", "application/json")
        deadline = time.monotonic() + timeout
        read = bytearray()
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - likewise
            while chunk := answer.read1():
                read += chunk
                if len(read) > _MAX_ANSWER:
                    raise OSError(f"the answer has more than {_MAX_ANSWER >> 20} MiB")
                if time.monotonic() > deadline:  # each read has *timeout* seconds of its own
                    raise OSError(f"the answer is not complete after {timeout:g} seconds")
        return bytes(read)


@dataclass(frozen=True)
class Prometheus(_Api):
    """A Prometheus server. Every query raises AnswerError if the server does not answer, or rejects the query."""

    name = "Prometheus"

    def query(self, expression: str, *, at: float | None = None) -> list[Series]:
        """Evaluate *expression* at the time *at*, in Unix seconds, or now."""
        when = {} if at is None else {"time": f"{at:.3f}"}
        data = self._data("query", query=expression, **when)
        return [_series(found, [found["value"]]) for found in data["result"]]

    def value(self, expression: str) -> float | None:
        """Return the current value of the first series of *expression*, or None if the result is empty."""
        found = self.query(expression)
        return found[0].value if found else None

    def query_range(self, expression: str, *, start: float, end: float, step: float) -> list[Series]:
        """Evaluate *expression* every *step* seconds from *start* to *end*, both in Unix seconds."""
        data = self._data("query_range", query=expression, start=f"{start:.3f}", end=f"{end:.3f}", step=step)
        return [_series(found, found["values"]) for found in data["result"]]

    def label_values(self, expression: str, label: str) -> list[str]:
        """Return the sorted values of *label* on the current series of *expression*."""
        return sorted(series.labels.get(label, "") for series in self.query(expression))

    def label_values_ever(self, series: str, label: str) -> list[str]:
        """Return the distinct values that *label* has had on *series* within the server's retention."""
        return list(self._data(f"label/{label}/values", **{"match[]": series}))

    def alerts(self) -> list[dict[str, Any]]:
        """Return the pending and firing alerts, with their ``labels``, ``annotations`` and ``state``."""
        return list(self._data("alerts")["alerts"])

    def targets(self) -> list[dict[str, Any]]:
        """Return the targets, with their ``scrapePool``, ``scrapeUrl``, ``health`` and ``lastError``."""
        return list(self._data("targets", state="active")["activeTargets"])

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules of all groups, with their ``name``, ``type``, ``health`` and ``lastError``."""
        return [rule for group in self._data("rules")["groups"] for rule in group["rules"]]

    def alertmanagers(self) -> list[str]:
        """Return the URLs to which the server sends its alerts."""
        return [found["url"] for found in self._data("alertmanagers")["activeAlertmanagers"]]

    def version(self) -> str:
        """Return the version of the server."""
        return str(self._data("status/buildinfo")["version"])

    def _data(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        answer = self._json(f"v1/{path}", **parameters)
        try:
            return answer["data"]
        except (KeyError, TypeError) as error:
            raise AnswerError(f"{self.url} does not answer like {self.name}: {error}") from error


@dataclass(frozen=True)
class Alertmanager(_Api):
    """An Alertmanager server. Every method raises AnswerError if it does not answer, or rejects the request."""

    name = "Alertmanager"

    def alerts(self) -> list[dict[str, Any]]:
        """Return the current alerts, with their ``labels``, ``status`` and ``receivers``."""
        return list(self._json("v2/alerts"))

    def send(self, alert: Mapping[str, Any]) -> None:
        """Send *alert*, as Prometheus does."""
        self._json("v2/alerts", content=[alert])

    def silence(self, labels: Mapping[str, str], *, start: datetime, end: datetime, author: str, comment: str) -> str:
        """Silence the alerts that have *labels* from *start* to *end*, and return the ID of the silence."""
        matchers = [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()]
        content = {
            "matchers": matchers,
            "startsAt": start.isoformat(),
            "endsAt": end.isoformat(),
            "createdBy": author,
            "comment": comment,
        }
        return str(self._json("v2/silences", content=content)["silenceID"])

    def version(self) -> str:
        """Return the version of the server."""
        return str(self._json("v2/status")["versionInfo"]["version"])


def _series(found: Mapping[str, Any], points: list[tuple[float, str]]) -> Series:
    return Series(found["metric"], tuple((float(at), float(value)) for at, value in points))


def _words(error: urllib.error.HTTPError) -> str:
    with error:
        try:
            answer = json.loads(error.read(_MAX_ANSWER))
            return str(answer["error"] if isinstance(answer, dict) else answer)  # Alertmanager answers with a string
        except (ValueError, KeyError, TypeError, RecursionError):
            return f"{error.code} {error.reason}"
